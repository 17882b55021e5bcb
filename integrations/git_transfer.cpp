// Everything that talks to a forge: one connection a verb, over a remote that exists in memory only, so that
// neither the address nor a credential is ever written down. The credential is asked for when the server
// wants one, handed to libgit2 once, and a server that wants another has refused it. What libgit2 calls back
// leaves its reason in `Call`, which says more than libgit2's own code.
#include "integrations/git_transfer.hpp"

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <regex>
#include <string_view>

#include "config/characters.hpp"
#include "integrations/git_objects.hpp"
#include "integrations/git_stream.hpp"

namespace integrations {

namespace {

using Kind = GitError::Kind;

struct Call {
    const CredentialSource& credential;
    const MirrorLimits& limits;
    bool asked = false;
    std::optional<GitError> cause;       ///< why a callback of ours stopped libgit2
    std::optional<std::string> refusal;  ///< what the forge said about the pushed reference
    std::string said;                    ///< what its hooks printed
};

Kind kind_of(ForgeError::Kind kind) {
    switch (kind) {
        case ForgeError::Kind::unreachable:
        case ForgeError::Kind::rate_limited:
            return Kind::unreachable;
        case ForgeError::Kind::unauthorized:
        case ForgeError::Kind::forbidden:
            return Kind::unauthorized;
        case ForgeError::Kind::gone:
            return Kind::gone;
        case ForgeError::Kind::invalid:
            return Kind::refused;
    }
    return Kind::unreachable;
}

int stop(Call& call, Kind kind, std::string message) {
    call.cause = git_error(kind, std::move(message));
    return GIT_EUSER;
}

int give_credential(git_credential** out, const char*, const char*, unsigned allowed, void* payload) {
    auto& call = *static_cast<Call*>(payload);
    if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) == 0)
        return stop(call, Kind::unauthorized, "the server wants a kind of credential that we do not have");
    if (call.asked) return stop(call, Kind::unauthorized, "the forge refused our credential");
    call.asked = true;
    if (!call.credential)
        return stop(call, Kind::unauthorized, "the forge wants a credential and there is none");
    try {
        const auto given = call.credential();
        if (!given) {
            const int code =
                stop(call, kind_of(given.error().kind), "getting a credential: " + given.error().message);
            call.cause->retry_at = given.error().retry_at;
            return code;
        }
        return git_credential_userpass_plaintext_new(out, given->user.c_str(),
                                                     given->password.expose().c_str());
    } catch (const std::exception& error) {  // libgit2 is C: nothing may fly through it
        return stop(call, Kind::unauthorized, std::string("getting a credential: ") + error.what());
    }
}

int watch_download(const git_indexer_progress* progress, void* payload) {
    auto& call = *static_cast<Call*>(payload);
    if (progress->received_bytes <= call.limits.received_bytes) return 0;
    return stop(call, Kind::storage,
                "the repository sends more than " + std::to_string(call.limits.received_bytes) + " bytes");
}

int note_refusal(const char*, const char* status, void* payload) {
    if (status != nullptr) static_cast<Call*>(payload)->refusal = status;
    return 0;
}

int note_words(const char* text, int size, void* payload) {
    constexpr std::size_t most = 1000;
    auto& said = static_cast<Call*>(payload)->said;
    if (size > 0)
        said.append(text, std::min(static_cast<std::size_t>(size), most - std::min(most, said.size())));
    return 0;
}

git_remote_callbacks callbacks_for(Call& call) {
    git_remote_callbacks callbacks = GIT_REMOTE_CALLBACKS_INIT;
    callbacks.credentials = give_credential;
    callbacks.transfer_progress = watch_download;
    callbacks.push_update_reference = note_refusal;
    callbacks.sideband_progress = note_words;
    callbacks.payload = &call;
    // No certificate_check: libgit2 then refuses what does not verify.
    return callbacks;
}

/// libgit2 1.5 tells HTTP statuses in words only: src/libgit2/transports/http.c, handle_response.
std::optional<int> http_status(std::string_view message) {
    constexpr std::string_view words = "unexpected http status code: ";
    const auto at = message.find(words);
    int status = 0;
    if (at == std::string_view::npos) return {};
    const auto digits = message.substr(at + words.size());
    if (std::from_chars(digits.data(), digits.data() + digits.size(), status).ec != std::errc{}) return {};
    return status;
}

GitError network_error(const Call& call, int code, const std::string& doing) {
    if (call.cause) return *call.cause;
    if (code == GIT_EAUTH) return git_failure(Kind::unauthorized, doing);
    const auto* last = git_error_last();
    const std::string_view message = last == nullptr || last->message == nullptr ? "" : last->message;
    const int area = last == nullptr ? GIT_ERROR_NONE : last->klass;
    if (const auto status = http_status(message)) {
        if (*status == 401 || *status == 403 || *status == 407) return git_failure(Kind::unauthorized, doing);
        if (*status == 404 || *status == 410 || *status == 451) return git_failure(Kind::gone, doing);
        return git_failure(Kind::unreachable, doing);
    }
    if (message.find("redirect") != std::string_view::npos) return git_failure(Kind::gone, doing);
    if (area == GIT_ERROR_INDEXER) return git_failure(Kind::invalid, doing);
    if (area == GIT_ERROR_OS || area == GIT_ERROR_ODB || area == GIT_ERROR_FILESYSTEM ||
        area == GIT_ERROR_REFERENCE)
        return git_failure(Kind::storage, doing);
    return git_failure(Kind::unreachable, doing);
}

/// An open connection; closes itself.
struct Line {
    DialPermit permit;
    Call call;
    GitRemoteHandle remote;

    Line(const GitAddress& address, const CredentialSource& credential, const MirrorLimits& limits)
        : permit(address, limits), call{.credential = credential, .limits = limits} {}

    GitResult<void> open(git_repository* repository, git_direction direction) {
        // No name, so nothing is stored. No url.*.insteadOf: the address is the one that was checked, and in
        // Debian's libgit2 1.5.1 the search for it leaks 20 KB per configuration key (src/util/regexp.c,
        // git_regexp_match).
        git_remote_create_options made = GIT_REMOTE_CREATE_OPTIONS_INIT;
        made.repository = repository;
        made.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
        if (take(remote, git_remote_create_with_opts, permit.address().url.c_str(), &made) < 0)
            return git_fail(Kind::storage, "preparing a connection");
        git_remote_connect_options options = GIT_REMOTE_CONNECT_OPTIONS_INIT;
        options.callbacks = callbacks_for(call);
        options.follow_redirects =
            GIT_REMOTE_REDIRECT_NONE;  // within the same server they are followed even so
        if (const int code = git_remote_connect_ext(remote.get(), direction, &options); code < 0)
            return std::unexpected(network_error(call, code, "connecting to " + permit.address().host));
        return {};
    }

    /// The commit the forge says a reference is at.
    GitResult<std::optional<git_oid>> head(const std::string& wanted) {
        const git_remote_head** heads = nullptr;
        std::size_t count = 0;
        if (const int code = git_remote_ls(&heads, &count, remote.get()); code < 0)
            return std::unexpected(network_error(call, code, "listing branches"));
        for (std::size_t at = 0; at < count; ++at)
            if (wanted == heads[at]->name) return heads[at]->oid;
        return std::optional<git_oid>{};
    }
};

constexpr std::string_view beside_branches = "refs/shopfloor/";

/// Of a branch, or of what is kept beside the branches.
std::string full_name(const std::string& branch) {
    return branch.starts_with(beside_branches) ? branch : "refs/heads/" + branch;
}

bool is_ref_name(const std::string& ref) {
    constexpr std::size_t longest = 266;  // a branch's name of 255 bytes
    int valid = 0;
    return ref.size() <= longest && ref.find('\0') == std::string::npos &&
           git_reference_name_is_valid(&valid, ref.c_str()) == 0 && valid == 1;
}

std::optional<std::string> id_of(const std::optional<git_oid>& id) {
    return id ? std::optional(hex(*id)) : std::nullopt;
}

std::unexpected<GitError> no_branch(const std::string& branch) {
    return std::unexpected(git_error(Kind::no_such_ref, "there is no branch " + config::excerpt(branch)));
}

/// Holds a fetched commit. Named by a hash: branch `a` may give way to `a/b` on the forge, and plain names
/// would clash.
GitResult<void> anchor_branch(git_repository* repository, const std::string& branch, const git_oid& commit) {
    git_oid name;
    GitReferenceHandle reference;
    if (git_odb_hash(&name, branch.data(), branch.size(), GIT_OBJECT_BLOB) < 0 ||
        take(reference, git_reference_create, repository, ("refs/shopfloor/fetched/" + hex(name)).c_str(),
             &commit, 1, static_cast<const char*>(nullptr)) < 0)
        return git_fail(Kind::storage, "storing the branch");
    return {};
}

/// A reference that lives as long as the push that reads it.
class PushSource {
 public:
    PushSource(git_repository* repository, std::string name, const git_oid& commit) : name_(std::move(name)) {
        made_ = take(reference_, git_reference_create, repository, name_.c_str(), &commit, 1,
                     static_cast<const char*>(nullptr)) == 0;
    }
    ~PushSource() {
        if (made_) git_reference_delete(reference_.get());
    }
    PushSource(const PushSource&) = delete;
    PushSource& operator=(const PushSource&) = delete;
    [[nodiscard]] bool made() const { return made_; }

 private:
    std::string name_;
    GitReferenceHandle reference_;
    bool made_ = false;
};

GitError not_as_expected(const std::string& ref) {
    return git_error(Kind::exists, config::excerpt(ref) + " is at something else");
}

GitError refused(const Call& call) {
    auto words = *call.refusal + (call.said.empty() ? "" : ": " + call.said);
    for (auto& c : words)
        if (c < ' ' || c > '~') c = ' ';  // hostile text
    return git_error(Kind::refused, "the forge refused the push: " + words);
}

/// nullopt: the forge took it.
GitResult<std::optional<GitError>> try_push(Line& line, git_repository* repository,
                                            const std::optional<git_oid>& commit, const RefMove& move) {
    const auto source = commit ? "refs/shopfloor/push/" + move.ref : std::string();
    std::optional<PushSource> held;
    if (commit) held.emplace(repository, source, *commit);
    if (held && !held->made()) return git_fail(Kind::storage, "preparing the push");
    git_push_options options = GIT_PUSH_OPTIONS_INIT;
    options.callbacks = callbacks_for(line.call);
    options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    // The lease: the command names what this connection's advertisement said as the old value, and
    // receive-pack moves the reference only if it is still there, or makes it if it is still not there.
    // https://git-scm.com/docs/gitprotocol-pack#_reference_update_request_and_packfile_transfer
    auto spec = (move.unrelated ? "+" : "") + source + ":" + move.ref;
    char* specs[] = {spec.data()};
    const git_strarray wanted{.strings = specs, .count = 1};
    const int code = git_remote_upload(line.remote.get(), &wanted, &options);
    if (line.call.refusal) return refused(line.call);
    if (code < 0)
        return std::unexpected(network_error(line.call, code, "pushing " + config::excerpt(move.ref)));
    return std::nullopt;
}

}  // namespace

GitResult<GitAddress> parse_git_address(const std::string& url) {
    // No user part, no query, nothing but printable ASCII.
    static const std::regex form(
        R"((https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(/[!-"$->A-~]*)?)");
    std::smatch part;
    if (url.size() > 2048 || !std::regex_match(url, part, form))
        return std::unexpected(git_error(
            Kind::invalid, "not an http or https address without credentials: " + config::excerpt(url)));
    const bool plain = part[1] == "http";
    GitAddress address{.url = url, .host = part[2], .port = part[3], .loopback_only = plain};
    if (address.host.starts_with('[')) address.host = address.host.substr(1, address.host.size() - 2);
    if (address.port.empty()) address.port = plain ? "80" : "443";
    return address;
}

bool is_branch_name(const std::string& branch) { return !branch.empty() && is_ref_name(full_name(branch)); }

GitResult<std::string> ask_remote_head(git_repository* repository, const GitAddress& address,
                                       const CredentialSource& credential, const MirrorLimits& limits,
                                       const std::string& branch) {
    if (!is_branch_name(branch)) return no_branch(branch);
    Line line(address, credential, limits);
    if (auto opened = line.open(repository, GIT_DIRECTION_FETCH); !opened)
        return std::unexpected(opened.error());
    const auto head = line.head(full_name(branch));
    if (!head) return std::unexpected(head.error());
    if (!*head) return no_branch(branch);
    return hex(**head);
}

GitResult<std::string> fetch_branch(git_repository* repository, const GitAddress& address,
                                    const CredentialSource& credential, const MirrorLimits& limits,
                                    const std::string& branch) {
    if (!is_branch_name(branch)) return no_branch(branch);
    Line line(address, credential, limits);
    if (auto opened = line.open(repository, GIT_DIRECTION_FETCH); !opened)
        return std::unexpected(opened.error());
    const auto head = line.head(full_name(branch));
    if (!head) return std::unexpected(head.error());
    if (!*head) return no_branch(branch);
    const auto id = hex(**head);
    if (!find_commit(repository, id)) {
        git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
        options.callbacks = callbacks_for(line.call);
        options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
        options.update_fetchhead = 0;
        options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
        auto wanted = full_name(branch);
        char* names[] = {wanted.data()};
        const git_strarray specs{.strings = names, .count = 1};
        if (const int code = git_remote_download(line.remote.get(), &specs, &options); code < 0)
            return std::unexpected(network_error(line.call, code, "fetching " + config::excerpt(branch)));
        if (const auto got = find_tree(repository, id); !got) return std::unexpected(got.error());
    }
    if (auto kept = anchor_branch(repository, branch, **head); !kept) return std::unexpected(kept.error());
    return id;
}

GitResult<void> push_ref(git_repository* repository, const GitAddress& address,
                         const CredentialSource& credential, const MirrorLimits& limits,
                         const RefMove& move) {
    const bool ours = move.ref.starts_with("refs/heads/agent/") || move.ref.starts_with(beside_branches);
    if (!ours || !is_ref_name(move.ref))
        return std::unexpected(
            git_error(Kind::refused, "not a branch of ours: " + config::excerpt(move.ref)));
    std::optional<git_oid> wanted;
    if (move.commit) {
        const auto found = find_commit(repository, *move.commit);
        if (!found) return std::unexpected(found.error());
        wanted = *git_commit_id(found->get());
    }
    std::optional<GitError> refusal;
    {
        Line line(address, credential, limits);
        if (auto opened = line.open(repository, GIT_DIRECTION_PUSH); !opened) return opened;
        const auto there = line.head(move.ref);
        if (!there) return std::unexpected(there.error());
        const auto now = id_of(*there);
        if (now == id_of(wanted)) return {};
        if (now != move.expected) return std::unexpected(not_as_expected(move.ref));
        const auto pushed = try_push(line, repository, wanted, move);
        if (!pushed) return std::unexpected(pushed.error());
        refusal = *pushed;
    }
    if (!refusal) return {};
    // It may have appeared, or moved, between the advertisement and the push.
    Line again(address, credential, limits);
    if (const auto opened = again.open(repository, GIT_DIRECTION_FETCH); !opened)
        return std::unexpected(*refusal);
    const auto there = again.head(move.ref);
    if (!there) return std::unexpected(*refusal);
    const auto now = id_of(*there);
    if (now == id_of(wanted)) return {};
    return std::unexpected(now == move.expected ? *refusal : not_as_expected(move.ref));
}

}  // namespace integrations
