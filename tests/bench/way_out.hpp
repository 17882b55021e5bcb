#pragma once

/// The two halves of bench_way_out.
namespace bench {

void measure_gateway();
void measure_tunnel();

}  // namespace bench
