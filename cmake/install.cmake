# Beside the programs: units, users, the shipped configuration. debian/rules moves /usr/etc to /etc.
install(FILES systemd/foyerd.service systemd/foyer-gate.service DESTINATION lib/systemd/system)
install(FILES systemd/bluetooth.service.d/foyer.conf DESTINATION lib/systemd/system/bluetooth.service.d)
install(FILES systemd/foyer.sysusers DESTINATION lib/sysusers.d RENAME foyer.conf)
install(FILES systemd/foyer.tmpfiles DESTINATION lib/tmpfiles.d RENAME foyer.conf)
install(FILES config/foyer.yaml DESTINATION etc/foyer PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
install(FILES config/campaigns/lunch-draw.yaml DESTINATION share/doc/foyer/campaigns)
install(FILES config/mosquitto/foyer.acl DESTINATION share/doc/foyer/mosquitto)
