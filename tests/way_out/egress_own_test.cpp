// This machine's own addresses, on a private internet where it has a public one.
#include <doctest/doctest.h>

#include "tests/way_out/egress_stage.hpp"

using egress_stage::connect;
using egress_stage::echo;
using egress_stage::in_private_internet;
using egress_stage::Scene;
using egress_stage::Server;

TEST_CASE(
    "an allowed name that leads to this machine itself is refused, though its address is a public one") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        scene.policy.own_addresses = nullptr;  // those of the interfaces, as the daemon has it
        scene.open();
        CHECK(scene.answer(connect("good.example.com:443")).starts_with("HTTP/1.1 403 "));
        CHECK(server.dialled().empty());
        REQUIRE(scene.door->report().refused.size() == 1);
        CHECK(scene.door->report().refused[0].why == "leads to this machine");
    });
}
