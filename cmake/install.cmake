# Beside the programs: units, users, the shipped configuration. debian/rules moves /usr/etc to /etc.
install(FILES systemd/foyerd.service systemd/foyer-gate.service systemd/foyer-hostapd.service systemd/foyer-dnsmasq.service
  systemd/foyer-wifi.target systemd/foyer-refresh@.service systemd/foyer-refresh@.path systemd/foyer-refresh@.timer
  DESTINATION lib/systemd/system)
install(FILES systemd/bluetooth.service.d/foyer.conf DESTINATION lib/systemd/system/bluetooth.service.d)
install(FILES systemd/foyer.udev.rules DESTINATION lib/udev/rules.d RENAME 60-foyer.rules)
install(FILES systemd/foyer.polkit.rules DESTINATION share/polkit-1/rules.d RENAME foyer.rules)
install(FILES systemd/foyer-gate.service.d-tap.conf DESTINATION share/foyer RENAME foyer-gate-tap.conf)
install(FILES systemd/foyer.sysusers DESTINATION lib/sysusers.d RENAME foyer.conf)
install(FILES systemd/foyer.tmpfiles DESTINATION lib/tmpfiles.d RENAME foyer.conf)
install(FILES config/foyer.yaml DESTINATION etc/foyer PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
install(FILES config/campaigns/lunch-draw.yaml DESTINATION share/doc/foyer/campaigns)
install(FILES config/mosquitto/foyer.acl DESTINATION share/doc/foyer/mosquitto)
install(FILES docs/man/foyerctl.1 DESTINATION share/man/man1)
install(FILES docs/man/foyerd.8 docs/man/foyer-gate.8 DESTINATION share/man/man8)
