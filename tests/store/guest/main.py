"""The guest's program: the world's proofs, or with a package the shop's scenario. Status 0 when every step passed."""
import sys

import world
from shop import IN, Scenario

scenario = Scenario()
world.prepare()
if (IN / "foyer.deb").exists():
    import scenario as shop_scenario
    import radio_faults
    import secure_portal
    shop_scenario.add_steps(scenario)
    secure_portal.add_steps(scenario)
    radio_faults.add_steps(scenario)
else:
    world.add_proofs(scenario)
sys.exit(0 if scenario.run((IN / "checks").read_text().split()) else 1)
