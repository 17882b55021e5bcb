// A stored delivery, its first line the event's name, to every forge's decoder: none ever throws, and what
// comes out keeps its promises.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "integrations/event.hpp"
#include "integrations/forge.hpp"

namespace {

void require(bool truth) {
    if (!truth) std::abort();
}

void check(const integrations::RepoRef& repo) {
    require(repo.forge == "work" && !repo.id.empty());
    require(repo.full_name.find('/') != std::string::npos);
    require(!repo.full_name.ends_with("/..") && !repo.full_name.starts_with("../"));
    require(repo.clone_url.find("://") != std::string::npos);
    require(repo.clone_url.find(' ') == std::string::npos);
}

void check(const integrations::ThreadRef& thread) {
    require(thread.number > 0);
    check(thread.repo);
}

/// Its address may be left out, and is asked for then.
void check(const integrations::RepositoryRenamed& renamed) {
    auto repo = renamed.repo;
    if (repo.clone_url.empty()) repo.clone_url = "https://git.example/app.git";
    check(repo);
}

void check(const integrations::AccessEnded& ended) {
    require(ended.forge == "work");
    // Without a repository it means all of them, and of which installation must be known.
    const bool all = ended.how == integrations::AccessEnded::How::uninstalled;
    require(ended.repositories.empty() == all);
    require(!all || !ended.installation.empty());
}

void check(const integrations::Event& event) {
    std::visit(
        [](const auto& known) {
            if constexpr (requires { known.issue; }) check(known.issue);
            if constexpr (requires { known.thread; }) check(known.thread);
            if constexpr (requires { known.pull_request; }) check(known.pull_request);
            if constexpr (std::is_same_v<std::decay_t<decltype(known)>, integrations::RepositoryRenamed>)
                check(known);
            else if constexpr (requires { known.repo; })
                check(known.repo);
            if constexpr (requires { known.head_sha; }) require(known.head_sha.size() == 40);
            if constexpr (requires { known.branch; }) require(!known.branch.empty());
            if constexpr (requires { known.repositories; }) check(known);
            if constexpr (requires { known.by; }) require(!known.by.login.empty());
            if constexpr (requires { known.why; }) require(!known.why.empty());
            using Kind = integrations::ThreadRef::Kind;
            if constexpr (requires { known.issue; }) require(known.issue.kind == Kind::issue);
            if constexpr (requires { known.pull_request; })
                require(known.pull_request.kind == Kind::pull_request);
        },
        event);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto end = input.find('\n');
    const std::string name(input.substr(0, end));
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    for (const auto& kind : integrations::forge_kinds())
        check(kind.decode(integrations::Replay::stored("work", "1", "id", name, std::string(input))));
    return 0;
}
