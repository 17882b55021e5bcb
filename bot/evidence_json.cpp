#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "bot/evidence.hpp"

// Evidence as the ledger stores it. Reading is strict: a missing or unknown key, a wrong type or an unknown
// word is an error, so that what was stored by another version is never half understood.

namespace bot {

namespace {

using nlohmann::json;

struct Unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <typename Enum>
struct Word {
    Enum value;
    const char* word;
};
constexpr std::array verdict_words{Word{CheckResult::Verdict::passed, "passed"},
                                   Word{CheckResult::Verdict::failed, "failed"},
                                   Word{CheckResult::Verdict::timed_out, "timed_out"},
                                   Word{CheckResult::Verdict::out_of_memory, "out_of_memory"},
                                   Word{CheckResult::Verdict::not_run, "not_run"}};
constexpr std::array outcome_words{Word{TestCase::Outcome::passed, "passed"},
                                   Word{TestCase::Outcome::failed, "failed"},
                                   Word{TestCase::Outcome::skipped, "skipped"}};
constexpr std::array change_words{Word{Change::still_passing, "still_passing"},
                                  Word{Change::fixed, "fixed"},
                                  Word{Change::newly_broken, "newly_broken"},
                                  Word{Change::still_failing, "still_failing"},
                                  Word{Change::flaky, "flaky"},
                                  Word{Change::only_on_head, "only_on_head"}};
constexpr std::array gate_words{Word{config::Gate::required, "required"},
                                Word{config::Gate::advisory, "advisory"}};

template <typename Table, typename Enum>
json word(const Table& table, Enum value) {
    for (const auto& row : table)
        if (row.value == value) return row.word;
    throw std::logic_error("an enumerator without a word");
}

template <typename Table>
auto value(const Table& table, const json& from) {
    const auto& text = from.get_ref<const std::string&>();
    for (const auto& row : table)
        if (text == row.word) return row.value;
    throw Unreadable("unknown word \"" + text + "\"");
}

/// Takes the keys of one object; `done` complains of what nobody asked for.
class Reader {
 public:
    explicit Reader(const json& object) : object_(object) {
        if (!object.is_object()) throw Unreadable("an object was expected");
    }
    const json& at(const char* key) {
        const auto found = object_.find(key);
        if (found == object_.end()) throw Unreadable(std::string("key \"") + key + "\" is missing");
        ++taken_;
        return *found;
    }
    std::string text(const char* key) { return at(key).get_ref<const std::string&>(); }
    template <typename Number>
    Number number(const char* key) {
        const auto& from = at(key);
        if (!from.is_number_integer()) throw Unreadable(std::string("key \"") + key + "\" is no integer");
        if constexpr (std::is_unsigned_v<Number>) {
            if (!from.is_number_unsigned()) throw Unreadable(std::string("key \"") + key + "\" is negative");
            return from.get<Number>();
        } else {
            const auto wide = from.get<std::int64_t>();
            if (!std::in_range<Number>(wide))
                throw Unreadable(std::string("key \"") + key + "\" is out of range");
            return static_cast<Number>(wide);
        }
    }
    template <typename Read>
    auto list(const char* key, Read read) {
        const auto& from = at(key);
        if (!from.is_array()) throw Unreadable(std::string("key \"") + key + "\" is no list");
        std::vector<decltype(read(from))> all;
        all.reserve(from.size());
        for (const auto& each : from) all.push_back(read(each));
        return all;
    }
    std::vector<std::string> texts(const char* key) {
        return list(key, [](const json& each) -> std::string { return each.get_ref<const std::string&>(); });
    }
    template <typename Read>
    auto maybe(const char* key, Read read) {
        const auto& from = at(key);
        return from.is_null() ? std::optional<decltype(read(from))>() : std::optional(read(from));
    }
    void done() const {
        if (taken_ != object_.size()) throw Unreadable("an unknown key");
    }

 private:
    const json& object_;
    std::size_t taken_ = 0;
};

template <typename T>
json array_of(const std::vector<T>& all, json (*write)(const T&)) {
    auto list = json::array();
    for (const auto& each : all) list.push_back(write(each));
    return list;
}

json write_test(const TestCase& test) {
    return {{"id", test.id},
            {"outcome", word(outcome_words, test.outcome)},
            {"message", test.message},
            {"file", test.file},
            {"line", test.line}};
}

TestCase read_test(const json& from) {
    Reader in(from);
    TestCase test{.id = in.text("id"),
                  .outcome = value(outcome_words, in.at("outcome")),
                  .message = in.text("message"),
                  .file = in.text("file"),
                  .line = in.number<int>("line")};
    in.done();
    return test;
}

json write_result(const CheckResult& result) {
    return {{"name", result.name},
            {"verdict", word(verdict_words, result.verdict)},
            {"exit_code", result.exit_code},
            {"duration_ms", result.duration.count()},
            {"log_tail", result.log_tail},
            {"tests", result.tests ? array_of(*result.tests, write_test) : json()},
            {"junit_problem", result.junit_problem}};
}

CheckResult read_result(const json& from) {
    Reader in(from);
    CheckResult result{.name = in.text("name"),
                       .verdict = value(verdict_words, in.at("verdict")),
                       .exit_code = in.number<int>("exit_code"),
                       .duration = std::chrono::milliseconds(in.number<std::int64_t>("duration_ms")),
                       .log_tail = in.text("log_tail"),
                       .tests = in.maybe("tests",
                                         [](const json& tests) {
                                             if (!tests.is_array()) throw Unreadable("\"tests\" is no list");
                                             std::vector<TestCase> all;
                                             for (const auto& each : tests) all.push_back(read_test(each));
                                             return all;
                                         }),
                       .junit_problem = in.text("junit_problem")};
    in.done();
    return result;
}

json write_comparison(const Comparison& each) {
    return {{"check", each.check},
            {"gate", word(gate_words, each.gate)},
            {"base", each.base ? write_result(*each.base) : json()},
            {"head", write_result(each.head)},
            {"change", word(change_words, each.change)},
            {"tests_fixed", each.tests_fixed},
            {"tests_broken", each.tests_broken},
            {"tests_still_failing", each.tests_still_failing},
            {"tests_flaky", each.tests_flaky},
            {"tests_gone", each.tests_gone},
            {"tests_skipped", each.tests_skipped}};
}

Comparison read_comparison(const json& from) {
    Reader in(from);
    Comparison each{.check = in.text("check"),
                    .gate = value(gate_words, in.at("gate")),
                    .base = in.maybe("base", read_result),
                    .head = read_result(in.at("head")),
                    .change = value(change_words, in.at("change")),
                    .tests_fixed = in.texts("tests_fixed"),
                    .tests_broken = in.texts("tests_broken"),
                    .tests_still_failing = in.texts("tests_still_failing"),
                    .tests_flaky = in.texts("tests_flaky"),
                    .tests_gone = in.texts("tests_gone"),
                    .tests_skipped = in.texts("tests_skipped")};
    in.done();
    return each;
}

json write_evidence(const Evidence& evidence) {
    return {{"base_commit", evidence.base_commit},
            {"head_commit", evidence.head_commit},
            {"checks", array_of(evidence.checks, write_comparison)},
            {"touched",
             {{"changed", evidence.touched.changed},
              {"added", evidence.touched.added},
              {"removed", evidence.touched.removed}}},
            {"base_tests_on_head", array_of(evidence.base_tests_on_head, write_result)}};
}

TestsTouched read_touched(const json& from) {
    Reader in(from);
    TestsTouched touched{
        .changed = in.texts("changed"), .added = in.texts("added"), .removed = in.texts("removed")};
    in.done();
    return touched;
}

Evidence read_evidence(const json& from) {
    Reader in(from);
    Evidence evidence{.base_commit = in.text("base_commit"),
                      .head_commit = in.text("head_commit"),
                      .checks = in.list("checks", read_comparison),
                      .touched = read_touched(in.at("touched")),
                      .base_tests_on_head = in.list("base_tests_on_head", read_result)};
    in.done();
    return evidence;
}

json write_refused(const RefusedHost& host) {
    return {{"name", host.name}, {"why", host.why}, {"step", host.step}, {"times", host.times}};
}

RefusedHost read_refused(const json& from) {
    Reader in(from);
    RefusedHost host{.name = in.text("name"),
                     .why = in.text("why"),
                     .step = in.text("step"),
                     .times = in.number<int>("times")};
    in.done();
    return host;
}

std::optional<double> read_cost(const json& cost) {
    if (cost.is_null()) return std::nullopt;
    if (!cost.is_number()) throw Unreadable("\"cost_usd\" is no number");
    return cost.get<double>();
}

json write_rival(const Rival& rival) {
    return {{"number", rival.number},
            {"profile", rival.profile},
            {"outcome", rival.outcome},
            {"head_commit", rival.head_commit},
            {"green", rival.green ? 1 : 0},
            {"fixed", rival.fixed},
            {"broken", rival.broken},
            {"tests_touched", rival.tests_touched},
            {"files", rival.files},
            {"bytes", rival.bytes},
            {"cost_usd", rival.cost_usd ? json(*rival.cost_usd) : json()},
            {"chosen", rival.chosen ? 1 : 0}};
}

Rival read_rival(const json& from) {
    Reader in(from);
    Rival rival{.number = in.number<int>("number"),
                .profile = in.text("profile"),
                .outcome = in.text("outcome"),
                .head_commit = in.text("head_commit"),
                .green = in.number<int>("green") != 0,
                .fixed = in.number<int>("fixed"),
                .broken = in.number<int>("broken"),
                .tests_touched = in.number<int>("tests_touched"),
                .files = in.number<std::size_t>("files"),
                .bytes = in.number<std::size_t>("bytes"),
                .cost_usd = read_cost(in.at("cost_usd")),
                .chosen = in.number<int>("chosen") != 0};
    in.done();
    return rival;
}

Verdict read_verdict(const json& from) {
    Reader in(from);
    Verdict verdict{.evidence = read_evidence(in.at("evidence")),
                    .title = in.text("title"),
                    .summary = in.text("summary"),
                    .profile = in.text("profile"),
                    .rounds = in.number<int>("rounds"),
                    .assumptions = in.texts("assumptions"),
                    .proposed_recipe = in.text("proposed_recipe"),
                    .image = in.text("image"),
                    .image_id = in.text("image_id"),
                    .agent_ms = in.number<std::int64_t>("agent_ms"),
                    .input_tokens = in.number<std::uint64_t>("input_tokens"),
                    .cached_tokens = in.number<std::uint64_t>("cached_tokens"),
                    .output_tokens = in.number<std::uint64_t>("output_tokens"),
                    .cost_usd = read_cost(in.at("cost_usd"))};
    // Verdicts from before there were doors do not have it.
    if (from.contains("refused_hosts")) verdict.refused_hosts = in.list("refused_hosts", read_refused);
    if (from.contains("onto")) {
        verdict.onto = in.text("onto");
        verdict.changed_now = in.texts("changed_now");
    }
    if (from.contains("kept_as")) {
        verdict.kept_as = in.text("kept_as");
        verdict.files = in.number<std::size_t>("files");
        verdict.bytes = in.number<std::size_t>("bytes");
        verdict.rivals = in.list("rivals", read_rival);
    }
    in.done();
    return verdict;
}

/// Bytes that are not UTF-8 become U+FFFD: a damaged name must not keep a verdict from being stored.
std::string dump(const json& tree) { return tree.dump(-1, ' ', false, json::error_handler_t::replace); }

template <typename T, typename Read>
std::expected<T, std::string> parse(std::string_view text, Read read) {
    try {
        return read(json::parse(text));
    } catch (const json::exception& e) {
        return std::unexpected(std::string(e.what()));
    } catch (const Unreadable& e) {
        return std::unexpected(std::string(e.what()));
    }
}

}  // namespace

std::string to_json(const std::vector<CheckResult>& results) { return dump(array_of(results, write_result)); }

std::expected<std::vector<CheckResult>, std::string> results_from_json(std::string_view text) {
    return parse<std::vector<CheckResult>>(text, [](const json& from) {
        if (!from.is_array()) throw Unreadable("a list was expected");
        std::vector<CheckResult> results;
        for (const auto& each : from) results.push_back(read_result(each));
        return results;
    });
}

std::string to_json(const Verdict& verdict) {
    return dump({{"evidence", write_evidence(verdict.evidence)},
                 {"title", verdict.title},
                 {"summary", verdict.summary},
                 {"profile", verdict.profile},
                 {"rounds", verdict.rounds},
                 {"assumptions", verdict.assumptions},
                 {"proposed_recipe", verdict.proposed_recipe},
                 {"image", verdict.image},
                 {"image_id", verdict.image_id},
                 {"agent_ms", verdict.agent_ms},
                 {"input_tokens", verdict.input_tokens},
                 {"cached_tokens", verdict.cached_tokens},
                 {"output_tokens", verdict.output_tokens},
                 {"cost_usd", verdict.cost_usd ? json(*verdict.cost_usd) : json()},
                 {"refused_hosts", array_of(verdict.refused_hosts, write_refused)},
                 {"onto", verdict.onto},
                 {"changed_now", verdict.changed_now},
                 {"kept_as", verdict.kept_as},
                 {"files", verdict.files},
                 {"bytes", verdict.bytes},
                 {"rivals", array_of(verdict.rivals, write_rival)}});
}

std::expected<Verdict, std::string> verdict_from_json(std::string_view text) {
    return parse<Verdict>(text, read_verdict);
}

}  // namespace bot
