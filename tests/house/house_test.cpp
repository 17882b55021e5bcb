// The laws of the house, read from the `#include` lines and the shape of every source file. The tables are
// the law; each leave in them has its reason beside it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/house/rules.hpp"

namespace {

using house::check_doors;
using house::check_functions;
using house::check_length;
using house::check_macros;
using house::check_name;
using house::check_namespace;
using house::check_own_header_first;
using house::check_own_names;
using house::check_rooms;
using house::check_sentences;
using house::check_words;
using house::Door;
using house::Leave;
using house::Offences;
using house::Source;

/// config <- {sandbox, integrations} <- bot; `generated/` is what the build writes: version and schema. What
/// runs as PID 1 inside a sandbox knows nobody.
const std::vector<house::Room> rooms{
    {"config/", {"config/"}},
    {"sandbox/", {"config/", "sandbox/", "generated/"}},
    {"sandbox/init/", {"sandbox/init/"}},
    {"integrations/", {"config/", "integrations/", "generated/"}},
    {"bot/", {"config/", "sandbox/", "integrations/", "bot/", "generated/"}},
    {"tests/", {""}},
};

const Leave tests{"tests/", "tests and the practice forge look at the same bytes from the other side"};

const std::vector<Door> doors{
    {"libgit2", {"git2"}, {{"integrations/git", "owns its handles and turns its errors into ours"}, tests}},
    {"SQLite", {"SQLiteCpp/", "sqlite3.h"}, {{"bot/ledger", "all SQL of the project"}, tests}},
    {"yaml-cpp", {"yaml-cpp/"}, {{"config/", "settings and recipes"}}},
    {"cpp-httplib",
     {"httplib.h"},
     {{"integrations/http", "the HTTPS client"},
      {"bot/listener_health", "a container asks whether the daemon lives"},
      {"bot/dashboard/", "pages for people"},
      {"sandbox/docker", "the engine's API socket"},
      {"sandbox/gateway", "model API for programs inside"},
      tests}},
    {"JSON",
     {"nlohmann/"},
     {{"config/proposal.cpp", "package.json of a repository"},
      {"integrations/forge_", "webhook bodies and REST replies"},
      {"integrations/github", "webhook bodies and REST replies"},
      {"integrations/gitlab", "webhook bodies and REST replies"},
      {"integrations/gitea", "webhook bodies and REST replies"},
      {"integrations/agent", "transcripts of agent programs"},
      {"sandbox/docker", "the engine's API"},
      {"sandbox/bubblewrap", "bwrap writes its child's status as JSON"},
      {"sandbox/seccomp", "the engine takes a seccomp profile as JSON"},
      {"sandbox/gateway", "requests and replies of model APIs"},
      {"sandbox/channel", "messages between the daemon's processes have a head of JSON"},
      {"sandbox/peer", "calls over a channel"},
      {"bot/runner", "what goes to the process with the engine and back"},
      {"bot/reader", "what goes to the process that reads strangers' bytes and back"},
      {"bot/listener_part", "what goes to the process that listens and back"},
      {"bot/door", "what goes to the process with the doors and back"},
      {"sandbox/door_record.cpp", "a line for each decision at the door, of strangers' text"},
      {"bot/evidence_json.cpp", "evidence as it is stored, read back by later versions"},
      {"bot/dashboard/", "what pages ask for"},
      tests}},
    {"OpenSSL",
     {"openssl/"},
     {{"integrations/forge_signature", "signatures of deliveries"},
      {"integrations/github", "the App's JWT"},
      {"integrations/http", "certificates"},
      {"sandbox/gateway_upstream.cpp", "reads under TLS with deadlines of our own"},
      {"sandbox/docker", "a run's name from its specification"},
      {"sandbox/bubblewrap", "an image's identity from its root"},
      {"sandbox/layers", "a layer's folder from its key"},
      {"sandbox/egress_hello.cpp", "which server the first message of TLS asks for"},
      {"bot/digest.cpp", "SHA-256 for the rest of the bot"},
      tests}},
    {"libseccomp", {"seccomp.h"}, {{"sandbox/seccomp", "the filter of system calls"}}},
    {"pugixml", {"pugixml.hpp"}, {{"bot/junit", "JUnit XML that a check wrote"}, tests}},
    {"cmark-gfm", {"cmark-gfm"}, {{"bot/markdown", "comments as the forge will understand them"}, tests}},
    {"simdjson",
     {"simdjson.h"},
     {{"sandbox/gateway_json_read.cpp", "requests of 64 KB and more, while a program waits"}}},
    {"LZ4", {"lz4"}, {{"bot/ledger_deliveries.cpp", "bodies of deliveries are stored compressed"}}},
    {"CLI11", {"CLI/"}, {{"bot/main.cpp", "the command line"}, tests}},
    {"spdlog",
     {"spdlog/"},
     {{"bot/", "says what is done and why"},
      {"sandbox/docker", "a pull can take minutes and is announced"},
      tests}},
    {"fmt", {"fmt/"}, {{"", "text is put together everywhere; it stands in for <format>"}}},
    {"doctest", {"doctest/"}, {tests}},
};

const std::vector<Leave> macros{
    {"DOCTEST_CONFIG_", "doctest is configured by macros"},
};

/// Longer than 150 (headers) or 400 lines, for a reason.
const std::vector<house::Long> longer{
    {"bot/ledger.hpp", 265, "every verb of the ledger with its contract, so that there is one place to look"},
    {"bot/sentences.hpp", 680, "every sentence of the bot, so that its voice is judged from top to bottom"},
    {"integrations/forge.hpp", 165, "all that is asked of a forge, whichever it is: one contract"},
    {"sandbox/sandbox.hpp", 165,
     "what a run is, asks and comes to, and what its backend gives: one contract"},
    {"bot/ledger_inside.hpp", 180, "the pieces of the ledger's verbs, shared by its files only"},
    {"tests/integrations/git_test_server.hpp", 230, "a whole git server over HTTP, used by one suite"},
    {"tests/bot/listener_fixture.hpp", 170, "a listener with its signed senders, for several suites"},
    {"tests/practice_forge/practice_forge.hpp", 360, "the whole script of the practice forge for tests"},
    {"tests/sandbox/sandbox_contract_test.cpp", 430, "the contract of all backends is one list"},
    {"tests/scenarios/practice_forge_test.cpp", 620,
     "the practice forge's own proof, sentence after sentence"},
};

/// Longer than 60 lines, for a reason; `path: first line`.
const std::vector<house::Long> long_functions{
    {"bot/pipeline.cpp: Step<Verdict> produce(Shop& shop, Job& job, const Lease& lease, const "
     "sandbox::Control& control) {",
     80, "the table of contents of a run reads from top to bottom"},
};

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Every file and folder of the rooms, as paths from the root.
std::vector<std::string> names() {
    std::vector<std::string> found;
    const std::filesystem::path root = SHOPFLOOR_SOURCE_DIR;
    for (const char* folder : {"config", "sandbox", "integrations", "bot", "tests"}) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
            found.push_back(entry.path().lexically_relative(root).generic_string());
        }
    }
    std::ranges::sort(found);
    return found;
}

/// Every header and source file of the rooms.
const std::vector<Source>& sources() {
    static const std::vector<Source> all = [] {
        std::vector<Source> found;
        for (const std::string& name : names()) {
            if (!name.ends_with(".hpp") && !name.ends_with(".cpp")) continue;
            found.push_back({name, text_of(std::filesystem::path(SHOPFLOOR_SOURCE_DIR) / name)});
        }
        return found;
    }();
    REQUIRE(all.size() > 60);
    return all;
}

void expect_none(const Offences& offences) {
    for (const std::string& offence : offences) FAIL_CHECK(offence);
}

template <typename Check>
void expect_none_anywhere(Check check) {
    for (const Source& source : sources()) expect_none(check(source));
}

}  // namespace

TEST_CASE("no room knows more of the house than it may") {
    expect_none_anywhere([](const Source& source) { return check_rooms(source, rooms); });
}

TEST_CASE("each library has one door") {
    expect_none_anywhere([](const Source& source) { return check_doors(source, doors); });
}

TEST_CASE("each file includes its own header first, so that headers stand alone") {
    expect_none_anywhere([](const Source& source) {
        return source.path.starts_with("tests/") ? Offences{} : check_own_header_first(source, sources());
    });
}

TEST_CASE("each room is a namespace") {
    for (const Source& source : sources()) {
        const std::string room = source.path.substr(0, source.path.find('/'));
        if (room != "tests" && !source.path.starts_with("sandbox/init/"))
            expect_none(check_namespace(source, room));
    }
}

TEST_CASE("there are no macros") {
    expect_none_anywhere([](const Source& source) { return check_macros(source, macros); });
}

TEST_CASE("nothing is left for later") { expect_none_anywhere(check_words); }

TEST_CASE("every sentence that the bot says stands in one file") { expect_none_anywhere(check_sentences); }

TEST_CASE("files are short enough to be read") {
    expect_none_anywhere([](const Source& source) { return check_length(source, longer); });
}

TEST_CASE("functions are short enough to be read") {
    expect_none_anywhere([](const Source& source) {
        return source.path.starts_with("tests/") ? Offences{} : check_functions(source, long_functions);
    });
}

TEST_CASE("what files keep to themselves can be told apart where they are compiled as one") {
    auto together = sources();
    std::erase_if(together, [](const Source& source) { return source.path.starts_with("tests/fuzz/"); });
    expect_none(check_own_names(together));  // each fuzzer is a program of its own
}

TEST_CASE("names say what is inside") {
    for (const std::string& name : names()) {
        // A sample project shows how other people's repositories look.
        if (!name.starts_with("tests/demo/project")) expect_none(check_name(name));
    }
}

TEST_CASE("each leave has its reason") {
    for (const Door& door : doors) {
        for (const Leave& leave : door.open_to) CHECK_MESSAGE(leave.reason.size() > 8, door.library);
    }
    for (const Leave& leave : macros) CHECK(leave.reason.size() > 8);
    for (const house::Long& each : longer) CHECK(each.reason.size() > 8);
    for (const house::Long& each : long_functions) CHECK(each.reason.size() > 8);
}

// From here on the laws are shown to bite, on files that were never written.

TEST_CASE("a room that looks upwards or sideways is told") {
    CHECK(check_rooms({"config/a.cpp", "#include \"config/a.hpp\"\n#include \"bot/job.hpp\"\n"}, rooms) ==
          Offences{"config/a.cpp:2: config/ must not know bot/job.hpp"});
    CHECK(check_rooms({"sandbox/a.hpp", "#include \"integrations/event.hpp\"\n"}, rooms).size() == 1);
    CHECK(check_rooms({"integrations/a.hpp", "  #  include \"sandbox/sandbox.hpp\"\n"}, rooms).size() == 1);
    CHECK(check_rooms({"bot/a.cpp", "#include \"tests/x.hpp\"\n"}, rooms).size() == 1);
    CHECK(check_rooms({"bot/a.cpp", "#include \"job.hpp\"\n"}, rooms).size() == 1);
    CHECK(check_rooms({"sandbox/init/init.cpp", "#include \"sandbox/sandbox.hpp\"\n"}, rooms).size() == 1);
    CHECK(check_rooms({"attic/a.cpp", ""}, rooms) == Offences{"attic/a.cpp:1: is in no room of the house"});
    CHECK(check_rooms({"bot/a.cpp", "#include \"sandbox/sandbox.hpp\"\n#include <vector>\n"}, rooms).empty());
}

TEST_CASE("a library behind the wrong door is told") {
    CHECK(check_doors({"bot/pipeline.cpp", "#include <git2.h>\n"}, doors) ==
          Offences{"bot/pipeline.cpp:1: libgit2 has no door here"});
    for (const char* header :
         {"git2/sys/stream.h", "SQLiteCpp/Database.h", "sqlite3.h", "yaml-cpp/yaml.h", "httplib.h",
          "nlohmann/json.hpp", "openssl/evp.h", "seccomp.h", "pugixml.hpp", "cmark-gfm.h", "lz4.h"}) {
        CAPTURE(header);
        CHECK(check_doors({"bot/pipeline.cpp", std::string("#include <") + header + ">\n"}, doors).size() ==
              1);
    }
    CHECK(check_doors({"config/recipe.cpp", "#include <boost/any.hpp>\n"}, doors) ==
          Offences{"config/recipe.cpp:1: <boost/any.hpp> belongs to a library without a door"});
    CHECK(check_doors(
              {"bot/ledger_jobs.cpp", "#include <sqlite3.h>\n#include <map>\n#include <sys/stat.h>\n"}, doors)
              .empty());
}

TEST_CASE("a file that does not begin with its own header is told") {
    const std::vector<Source> both{{"bot/a.hpp", ""},
                                   {"bot/a.cpp", "#include <map>\n#include \"bot/a.hpp\"\n"}};
    CHECK(check_own_header_first(both[1], both) ==
          Offences{"bot/a.cpp:1: includes something before bot/a.hpp"});
    CHECK(check_own_header_first({"bot/a.cpp", "// why\n#include \"bot/a.hpp\"\n#include <map>\n"}, both)
              .empty());
    CHECK(check_own_header_first({"bot/main.cpp", "#include <map>\n"}, both).empty());
}

TEST_CASE("a foreign, missing or taken-in namespace is told") {
    CHECK(check_namespace({"bot/a.cpp", "namespace sandbox {\nint a;\n}  // namespace sandbox\n"}, "bot")
              .size() == 2);
    CHECK(check_namespace({"bot/a.cpp", "int a;\n"}, "bot") ==
          Offences{"bot/a.cpp:1: nothing here is in namespace bot"});
    CHECK(check_namespace({"bot/a.cpp", "namespace bottom {\n}  // namespace bottom\n"}, "bot").size() == 1);
    CHECK(
        check_namespace({"bot/a.cpp", "namespace bot {\nusing namespace std;\n}  // namespace bot\n"}, "bot")
            .size() == 1);
    CHECK(check_namespace({"bot/a.hpp",
                           "namespace httplib {\nclass Server;\n}  // namespace httplib\n\nnamespace bot {\n"
                           "namespace {\nnamespace inner {\n}  // namespace inner\n}  // namespace\n"
                           "}  // namespace bot\nnamespace bot::report {\n}  // namespace bot::report\n"},
                          "bot")
              .empty());
    CHECK(check_namespace({"bot/main.cpp", "int main() {}\n"}, "bot").empty());
}

TEST_CASE("a macro and a header without guard are told") {
    CHECK(check_macros({"bot/a.cpp", "int a;\n # define MAX(a, b) a\n"}, macros) ==
          Offences{"bot/a.cpp:2: defines the macro MAX"});
    CHECK(check_macros({"bot/a.hpp", "int a;\n"}, macros).size() == 1);
    CHECK(check_macros({"bot/a.hpp", "#pragma once\n"}, macros).empty());
    CHECK(check_macros({"tests/a.cpp", "#define DOCTEST_CONFIG_IMPLEMENT\n"}, macros).empty());
}

TEST_CASE("a promise to finish later is told") {
    CHECK(check_words({"bot/a.cpp", std::string("\n// TO") + "DO: all of it\n"}).size() == 1);
    CHECK(check_words({"bot/a.cpp", std::string("// FIX") + "ME\n"}).size() == 1);
    CHECK(check_words({"bot/a.cpp", "// a method of autodoc\n"}).empty());
}

TEST_CASE("a name that two files keep to themselves is told, where they are compiled as one") {
    const auto own = [](const std::string& path, const std::string& what) {
        return Source{path,
                      "namespace bot {\nnamespace {\n" + what + "}  // namespace\n}  // namespace bot\n"};
    };
    const auto first = own("bot/ledger_jobs.cpp", "std::map<int, Job> held(int a) {\n");
    CHECK(check_own_names({first, own("bot/ledger_asks.cpp", "int held(const std::string& b);\n")}) ==
          Offences{"bot/ledger_asks.cpp:3: bot::held is another's name in bot/ledger_jobs.cpp"});
    CHECK(check_own_names({own("bot/a.cpp", "int held();\n"), own("bot/b.cpp", "int held();\n")}).size() ==
          1);
    for (const auto& other :
         {own("bot/report.cpp", "int held();\n"), own("sandbox/ledger_jobs.cpp", "int held();\n"),
          own("bot/ledger_asks.cpp", "const int had = held(3);\n    held(4);\n"),
          Source{"bot/ledger_asks.cpp", "namespace bot {\nint held();\n}  // namespace bot\n"}})
        CHECK(check_own_names({first, own("bot/ledger_runs.cpp", ""), other}).empty());
}

TEST_CASE("a sentence that stands elsewhere is told") {
    for (const char* said :
         {"return \"The branch is gone.\";", "text += fmt::format(\"{} was taken by {}\", a, b);",
          "text += \"\\n\\nMerge it by hand.\";", "f(\"a\",\n  \"three more words\");"}) {
        CAPTURE(said);
        CHECK(check_sentences({"bot/report_answers.cpp", said}).size() == 1);
        CHECK(check_sentences({"bot/sentences.hpp", said}).empty());
        CHECK(check_sentences({"bot/main.cpp", said}).empty());
    }
    for (const char* reason : {"return std::unexpected(halt(text.error(), \"reading the recipe\"));",
                               "Halt{.kind = Halt::Kind::stopped,\n     .reason = \"stopped during setup\"}",
                               "move(db, job, Signal::judged, \"the result is checked\");",
                               "report::stopped_since(\"it was closed\")"}) {
        CAPTURE(reason);
        CHECK(check_sentences({"bot/groundwork.cpp", reason}) ==
              Offences{
                  "bot/groundwork.cpp:" + std::to_string(std::ranges::count(std::string(reason), '\n') + 1) +
                  ": says something that bot/sentences.hpp does not know"});
    }
    for (const char* silent :
         {"text += \"<details>\\n<summary>{}</summary>\\n\";", "fmt::format(\"{} h {} min\", a, b);",
          "#include \"bot/report words of it.hpp\"", "// \"Not said at all\"",
          "text += sentence::a + \"\\n\" + sentence::b + \" \" + code(c);"}) {
        CAPTURE(silent);
        CHECK(check_sentences({"bot/report_answers.cpp", silent}).empty());
    }
}

TEST_CASE("a file that grew too long, or an excuse that is not needed, is told") {
    const auto lines = [](std::size_t count) { return std::string(count, '\n'); };
    const std::vector<house::Long> excuses{{"bot/long.cpp", 500, "a table of facts"}};
    CHECK(check_length({"bot/a.cpp", lines(401)}, excuses).size() == 1);
    CHECK(check_length({"bot/a.cpp", lines(400)}, excuses).empty());
    CHECK(check_length({"bot/a.hpp", lines(151)}, excuses).size() == 1);
    CHECK(check_length({"bot/long.cpp", lines(500)}, excuses).empty());
    CHECK(check_length({"bot/long.cpp", lines(501)}, excuses).size() == 1);
    CHECK(check_length({"bot/long.cpp", lines(300)}, excuses).size() == 1);
}

TEST_CASE("a function that grew too long is told") {
    const auto function = [](std::size_t body) {
        std::string text = "int a;\n\nint f(int b,\n      int c) {\n";
        for (std::size_t i = 0; i < body; ++i) text += "    ++b;\n";
        return text + "}\n";
    };
    CHECK(check_functions({"bot/a.cpp", function(57)}, {}).empty());
    CHECK(check_functions({"bot/a.cpp", function(58)}, {}) ==
          Offences{"bot/a.cpp:3: a function of 61 lines"});
    CHECK(check_functions({"bot/a.cpp", function(58)}, {{"bot/a.cpp: int f(int b,", 70, "a table"}}).empty());
    CHECK(check_functions({"bot/a.cpp", function(58)}, {{"bot/a.cpp: int f(int b,", 60, "a table"}}).size() ==
          1);
}

TEST_CASE("a name that says nothing is told") {
    for (const char* name :
         {"bot/utils.cpp", "bot/string_util.hpp", "common/a.cpp", "bot/helpers", "sandbox/docker_base.cpp"}) {
        CAPTURE(name);
        CHECK(check_name(name).size() == 1);
    }
    for (const char* name :
         {"bot/baseline.cpp", "integrations/base64.cpp", "tests/bot/base_gone.md", "bot/commonmark.cpp"}) {
        CAPTURE(name);
        CHECK(check_name(name).empty());
    }
}
