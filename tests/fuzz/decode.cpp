// A stored delivery, its first line the event's name: decoding never throws, and what comes out keeps its
// promises.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "integrations/event.hpp"
#include "integrations/forge.hpp"

namespace {

void require(bool truth) {
    if (!truth) std::abort();
}

void check(const integrations::ThreadRef& thread) {
    require(thread.number > 0);
    require(thread.repo.forge == "github" && !thread.repo.id.empty());
    require(thread.repo.full_name.find('/') != std::string::npos);
    require(!thread.repo.full_name.ends_with("/..") && !thread.repo.full_name.starts_with("../"));
    require(thread.repo.clone_url.find("://") != std::string::npos);
    require(thread.repo.clone_url.find(' ') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto end = input.find('\n');
    std::string name(input.substr(0, end));
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    const auto* kind = integrations::find_forge_kind("github");
    const auto event =
        kind->decode(integrations::Replay::stored("github", "1", "id", std::move(name), std::string(input)));
    std::visit(
        [](const auto& known) {
            if constexpr (requires { known.issue; }) check(known.issue);
            if constexpr (requires { known.thread; }) check(known.thread);
            if constexpr (requires { known.pull_request; }) check(known.pull_request);
            if constexpr (requires { known.by; }) require(!known.by.login.empty());
            if constexpr (requires { known.why; }) require(!known.why.empty());
        },
        event);
    return 0;
}
