#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/inside.hpp"

/// Pages for people. Rendered on the server, no script. Data is copied out under the lock, then rendered
/// without it.
namespace practice_forge {
namespace {

struct Shown {
    std::string full_name, owner, default_branch, issue_page, pull_page, pulls_page;
    std::filesystem::path git;
    std::vector<Issue> issues;
    std::vector<PullRequest> pulls;
    std::map<std::int64_t, Issue> pull_talk;  ///< the same pull requests: comments and labels
    std::vector<CheckRun> checks;
    std::map<std::int64_t, Pull> sizes;
};

/// The address of the list, where it is another word than a single one's.
std::string pulls_list(const Customs& customs) {
    return customs.counts_apart ? std::string(customs.pull_page) : "pulls";
}

Shown copy(const World& world, const Repository& repository) {
    const auto lock = world.lock();
    Shown shown{.full_name = repository.full_name(),
                .owner = repository.owner,
                .default_branch = repository.default_branch,
                .issue_page = std::string(world.customs.issue_page),
                .pull_page = std::string(world.customs.pull_page),
                .pulls_page = pulls_list(world.customs),
                .git = repository.git};
    for (const auto& [key, thread] : repository.threads) {
        auto talk = issue_value(world, repository, thread);
        if (thread.pull) {
            shown.pulls.push_back(pull_value(world, repository, thread));
            shown.sizes[thread.number] = *thread.pull;
            shown.pull_talk[thread.number] = std::move(talk);
        } else {
            shown.issues.push_back(std::move(talk));
        }
    }
    std::ranges::sort(shown.pulls, {}, &PullRequest::number);
    shown.checks = checks_of(world, repository);
    return shown;
}

std::string frame(const std::string& title, const std::string& content) {
    return fmt::format(
        R"(<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">)"
        R"(<title>{}</title><link rel="stylesheet" href="/practice/style.css"></head><body>)"
        R"(<header class="top"><a href="/">Practice forge</a><span>a forge on this machine</span></header>)"
        "<main>{}</main></body></html>",
        escape_html(title), content);
}

std::string tabs(const Shown& shown, std::string_view on) {
    const auto open_issues = std::ranges::count_if(shown.issues, &Issue::open);
    const auto open_pulls = std::ranges::count_if(shown.pulls, &PullRequest::open);
    const auto tab = [&](std::string_view name, std::string_view label, auto count) {
        return fmt::format(R"(<a class="{}" href="/{}/{}">{} <span class="count">{}</span></a>)",
                           on == name ? "on" : "", shown.full_name, name, label, count);
    };
    return fmt::format(
        R"(<h1><a href="/">{}</a> / <a href="/{}/{}"><b>{}</b></a></h1><nav class="tabs">{}{}</nav>)",
        escape_html(shown.owner), shown.full_name, shown.issue_page,
        escape_html(shown.full_name.substr(shown.owner.size() + 1)),
        tab(shown.issue_page, "Issues", open_issues), tab(shown.pulls_page, "Pull requests", open_pulls));
}

std::string labels_html(const std::vector<std::string>& labels) {
    std::string html;
    for (const auto& label : labels) {
        std::uint32_t hash = 0;
        for (const char c : label) hash = hash * 31 + static_cast<unsigned char>(c);
        html += fmt::format(R"(<span class="label l{}">{}</span>)", hash % 6, escape_html(label));
    }
    return html;
}

struct StateWord {
    const char* css;
    const char* word;
};
StateWord state_of(const PullRequest& pull) {
    if (pull.merged) return {"closed", "Merged"};
    if (!pull.open) return {"gone", "Closed"};
    if (pull.draft) return {"draft", "Draft"};
    return {"open", "Open"};
}

std::string counted(std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string person(const std::string& login) {
    const bool bot = login.ends_with("[bot]");
    return fmt::format("<b>{}</b>{}", escape_html(bot ? login.substr(0, login.size() - 5) : login),
                       bot ? R"(<span class="bot">bot</span>)" : "");
}

std::string reactions_html(const std::vector<Reaction>& reactions) {
    static const std::map<std::string, const char*> kFaces = {
        {"+1", "👍"},       {"-1", "👎"},   {"laugh", "😄"},  {"hooray", "🎉"},
        {"confused", "😕"}, {"heart", "❤️"}, {"rocket", "🚀"}, {"eyes", "👀"}};
    if (reactions.empty()) return {};
    std::map<std::string, int> counts;
    for (const auto& reaction : reactions) ++counts[reaction.content];
    std::string html;
    for (const auto& [content, count] : counts)
        html += fmt::format("<span>{} {}</span>", kFaces.at(content), count);
    return R"(<div class="reactions">)" + html + "</div>";
}

std::string issues_address(const Shown& shown) { return "/" + shown.full_name + "/" + shown.issue_page; }

std::string talk_box(const Shown& shown, const std::string& login, const std::string& verb,
                     const std::string& body, const std::vector<Reaction>& reactions,
                     const std::string& anchor) {
    return fmt::format(
        R"(<div class="talk" id="{}"><img src="/practice/avatars/{}.svg" alt=""><div class="box"><div class="title">{} {}</div>)"
        R"(<div class="md">{}</div>{}</div></div>)",
        anchor, escape_html(login), person(login), verb,
        body.empty() ? "<p><em>No description provided.</em></p>"
                     : render_markdown(body, issues_address(shown)),
        reactions_html(reactions));
}

std::string comments_html(const Shown& shown, const Issue& talk) {
    std::string html;
    for (const auto& comment : talk.comments) {
        html += talk_box(shown, comment.user, comment.edits > 0 ? "commented · edited" : "commented",
                         comment.body, comment.reactions, fmt::format("issuecomment-{}", comment.id));
    }
    return html;
}

std::string issues_page(const Shown& shown) {
    std::string rows;
    for (auto at = shown.issues.rbegin(); at != shown.issues.rend(); ++at) {
        rows += fmt::format(
            R"(<div class="row"><span class="dot {}"></span><div class="grow"><a class="name" href="{}/{}">{}</a> {}<div class="small">#{} by {} · {}</div></div></div>)",
            at->open ? "open" : "closed", issues_address(shown), at->number, escape_html(at->title),
            labels_html(at->labels), at->number, escape_html(at->author),
            counted(at->comments.size(), "comment"));
    }
    return frame("Issues · " + shown.full_name,
                 tabs(shown, shown.issue_page) + R"(<div class="box">)" +
                     (rows.empty() ? R"(<div class="empty">No issues yet.</div>)" : rows) + "</div>");
}

std::string pulls_page(const Shown& shown) {
    std::string rows;
    for (auto at = shown.pulls.rbegin(); at != shown.pulls.rend(); ++at) {
        rows += fmt::format(
            R"(<div class="row"><span class="dot {}"></span><div class="grow"><a class="name" href="/{}/{}/{}">{}</a> {}<div class="small">#{} by {} · {} · {}</div></div></div>)",
            state_of(*at).css, shown.full_name, shown.pull_page, at->number, escape_html(at->title),
            labels_html(shown.pull_talk.at(at->number).labels), at->number, escape_html(at->author),
            state_of(*at).word, escape_html(at->head_branch));
    }
    return frame("Pull requests · " + shown.full_name,
                 tabs(shown, shown.pulls_page) + R"(<div class="box">)" +
                     (rows.empty() ? R"(<div class="empty">No pull requests yet.</div>)" : rows) + "</div>");
}

std::string issue_page(const Shown& shown, const Issue& issue) {
    return frame(
        fmt::format("{} · Issue #{}", issue.title, issue.number),
        tabs(shown, shown.issue_page) +
            fmt::format(
                R"(<h1>{} <span class="num">#{}</span></h1><div class="meta"><span class="state {}">{}</span> {} opened this issue · {} {}</div>)",
                escape_html(issue.title), issue.number, issue.open ? "open" : "closed",
                issue.open ? "Open" : "Closed", person(issue.author), issue.comments.size(),
                labels_html(issue.labels)) +
            talk_box(shown, issue.author, "opened this", issue.body, issue.reactions, "top") +
            comments_html(shown, issue));
}

std::string check_html(const Shown& shown, const CheckRun& run) {
    const bool done = run.status == "completed";
    const std::string css = !done                         ? "pending"
                            : run.conclusion == "success" ? "success"
                            : run.conclusion == "failure" ? "failure"
                                                          : "neutral";
    std::string html = fmt::format(
        R"(<div class="box"><div class="title"><span class="verdict {}">{}</span> <b>{}</b> {} <span class="small">{}</span></div>)",
        css,
        css == "success"   ? "✓"
        : css == "failure" ? "✗"
        : css == "pending" ? "●"
                           : "—",
        escape_html(run.name), escape_html(run.title), done ? run.conclusion : run.status);
    const std::string issues = issues_address(shown);
    if (!run.summary.empty() || !run.text.empty()) {
        html += R"(<div class="md">)" + render_markdown(run.summary, issues) +
                render_markdown(run.text, issues) + "</div>";
    }
    for (const auto& annotation : run.annotations) {
        html += fmt::format(
            R"(<div class="row"><span class="verdict {}">{}</span><div class="grow"><b>{}</b> <code>{}:{}</code><div class="small">{}</div></div></div>)",
            annotation.level == "failure"   ? "failure"
            : annotation.level == "warning" ? "pending"
                                            : "neutral",
            escape_html(annotation.level), escape_html(annotation.title), escape_html(annotation.path),
            annotation.start_line, escape_html(annotation.message));
    }
    return html + "</div>";
}

std::string pull_page(const Shown& shown, const PullRequest& pull, const std::string& part) {
    const auto& size = shown.sizes.at(pull.number);
    const auto& talk = shown.pull_talk.at(pull.number);
    const auto state = state_of(pull);
    const std::string address = fmt::format("/{}/{}/{}", shown.full_name, shown.pull_page, pull.number);
    std::vector<CheckRun> checks;
    std::ranges::copy_if(shown.checks, std::back_inserter(checks),
                         [&](const CheckRun& run) { return run.head_sha == pull.head_sha; });
    std::string html =
        tabs(shown, shown.pulls_page) +
        fmt::format(
            R"(<h1>{} <span class="num">#{}</span></h1><div class="meta"><span class="state {}">{}</span><span>{} wants to merge {} commit{} into <span class="branch">{}</span> from <span class="branch">{}</span></span>{}</div>)",
            escape_html(pull.title), pull.number, state.css, state.word, person(pull.author), size.commits,
            size.commits == 1 ? "" : "s", escape_html(pull.base_branch), escape_html(pull.head_branch),
            labels_html(talk.labels));
    const auto tab = [&](const char* name, const char* label, std::size_t count) {
        return fmt::format(R"(<a class="{}" href="{}{}{}">{} <span class="count">{}</span></a>)",
                           part == name ? "on" : "", address, *name == '\0' ? "" : "/", name, label, count);
    };
    html += R"(<nav class="tabs">)" + tab("", "Conversation", talk.comments.size()) +
            tab("commits", "Commits", static_cast<std::size_t>(size.commits)) +
            tab("checks", "Checks", checks.size()) +
            tab("files", "Files changed", static_cast<std::size_t>(size.changed_files)) +
            fmt::format(R"(<a><span class="plus">+{}</span> <span class="minus">−{}</span></a></nav>)",
                        size.additions, size.deletions);
    const Git git(shown.git);
    if (part == "commits") {
        html += R"(<div class="box">)";
        for (const auto& commit : git.log(size.base_sha, pull.head_sha)) {
            html += fmt::format(
                R"(<div class="row"><div class="grow"><b>{}</b><div class="small">{} committed</div></div><code>{}</code></div>)",
                escape_html(commit.message.substr(0, commit.message.find('\n'))), escape_html(commit.author),
                commit.sha.substr(0, 10));
        }
        html += "</div>";
    } else if (part == "files") {
        html += diff_html(git.diff(size.base_sha, pull.head_sha));
    } else if (part == "checks") {
        for (const auto& run : checks) html += check_html(shown, run);
        if (checks.empty()) html += R"(<div class="box"><div class="empty">No checks.</div></div>)";
    } else {
        html += talk_box(shown, pull.author, "opened this", pull.body, talk.reactions, "top") +
                comments_html(shown, talk);
        if (!checks.empty()) {
            html += R"(<div class="box"><div class="title"><b>Checks</b></div>)";
            for (const auto& run : checks) {
                const std::string css = run.conclusion == "success" || run.conclusion == "failure"
                                            ? run.conclusion
                                        : run.status == "completed" ? "neutral"
                                                                    : "pending";
                html += fmt::format(
                    R"(<div class="row"><span class="verdict {}">{}</span><div class="grow"><a href="{}/checks">{}</a> <span class="small">{}</span></div></div>)",
                    css,
                    css == "success"   ? "✓"
                    : css == "failure" ? "✗"
                    : css == "pending" ? "●"
                                       : "—",
                    address, escape_html(run.name), escape_html(run.title));
            }
            html += "</div>";
        }
    }
    return frame(fmt::format("{} · Pull request #{}", pull.title, pull.number), html);
}

std::string home_page(const World& world) {
    const auto lock = world.lock();
    std::string rows;
    for (const auto& repository : world.repositories) {
        if (repository->deleted) continue;
        const auto open = [&](bool pulls) {
            return std::ranges::count_if(repository->threads, [&](const auto& e) {
                return e.second.open && e.second.pull.has_value() == pulls;
            });
        };
        rows += fmt::format(
            R"(<div class="row"><div class="grow"><a class="name" href="/{0}/{4}">{0}</a><div class="small">{1}</div></div><a href="/{0}/{4}">{2} issues</a><a href="/{0}/{5}">{3} pull requests</a></div>)",
            escape_html(repository->full_name()), escape_html(repository->description), open(false),
            open(true), world.customs.issue_page, pulls_list(world.customs));
    }
    return frame("Practice forge",
                 R"(<h1>Repositories</h1><div class="box">)" +
                     (rows.empty() ? R"(<div class="empty">No repositories yet.</div>)" : rows) + "</div>");
}

/// What a path names: owner/name/issues/1, or as GitLab has it, group/name/-/issues/1.
struct Way {
    std::string repository, what = "issues", number, part;
};
Way way_of(const std::vector<std::string>& segments) {
    const auto dash = std::ranges::find(segments, "-");
    const bool has_dash = dash != segments.end();
    const auto named = has_dash ? dash : segments.begin() + std::min<std::ptrdiff_t>(2, std::ssize(segments));
    Way way;
    for (auto at = segments.begin(); at != named; ++at)
        way.repository += (way.repository.empty() ? "" : "/") + *at;
    const std::vector<std::string> rest(has_dash ? named + 1 : named, segments.end());
    if (!rest.empty()) way.what = rest[0];
    if (rest.size() > 1) way.number = rest[1];
    if (rest.size() > 2) way.part = rest[2];
    return way;
}

Page missing() {
    return {.status = 404,
            .body = frame("Not found", R"(<div class="empty"><h1>404</h1>There is no such page.</div>)")};
}

}  // namespace

Page render_page(World& world, Deeds& deeds, const std::vector<std::string>& segments) {
    if (segments.empty()) return {.body = home_page(world)};
    if (segments[0] == "practice") {
        if (segments.size() == 2 && segments[1] == "style.css")
            return {.content_type = "text/css; charset=utf-8", .body = style_sheet()};
        if (segments.size() != 3 || !segments[2].ends_with(".svg")) return missing();
        return {.content_type = "image/svg+xml",
                .body = avatar(segments[2].substr(0, segments[2].size() - 4))};
    }
    const auto way = way_of(segments);
    Repository* repository = nullptr;
    {
        const auto lock = world.lock();
        repository = world.find(way.repository);
    }
    if (repository == nullptr) return missing();
    const Shown shown = copy(world, *repository);
    const bool apart = world.customs.counts_apart;
    if (way.number.empty()) {
        if (way.what == "issues") return {.body = issues_page(shown)};
        if (way.what == (apart ? "merge_requests" : "pulls")) return {.body = pulls_page(shown)};
        return missing();
    }
    std::int64_t number = 0;
    std::from_chars(way.number.data(), way.number.data() + way.number.size(), number);
    if (way.what == "runs" || way.what == "jobs") {
        const auto run = std::ranges::find(shown.checks, number, &CheckRun::id);
        if (run == shown.checks.end()) return missing();
        return {.body = frame(run->name, tabs(shown, shown.pulls_page) + check_html(shown, *run))};
    }
    const auto pull = std::ranges::find(shown.pulls, number, &PullRequest::number);
    if (pull != shown.pulls.end() && !(apart && way.what == "issues")) {
        deeds.weigh(*repository, world.key_of(*pull));
        return {.body = pull_page(shown, *pull, way.part)};
    }
    const auto issue = std::ranges::find(shown.issues, number, &Issue::number);
    return issue == shown.issues.end() || (apart && way.what != "issues")
               ? missing()
               : Page{.body = issue_page(shown, *issue)};
}

}  // namespace practice_forge
