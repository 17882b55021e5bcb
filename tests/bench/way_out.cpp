// What the one way out of a sandbox costs: time on the way to a model service, and bytes a second on the way
// to a package registry.
#include "tests/bench/way_out.hpp"

#include "tests/bench/stage.hpp"

int main() {
    return bench::stand([] {
        bench::measure_gateway();
        bench::measure_tunnel();
    });
}
