#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// A scripted model service on loopback, for real agent programs and for the gateway: Anthropic Messages,
/// OpenAI Chat Completions and Responses, Gemini generateContent, each plain and streamed. A script says what
/// the model does, step by step; a step becomes a call of the tool that the calling agent offers for it.
/// Which step is due is read from the conversation, so that a request sent again gets the same answer.
/// Shape facts: docs.anthropic.com/en/api, platform.openai.com/docs/api-reference, ai.google.dev/api.
namespace practice_model {

enum class Api { anthropic, chat, responses, gemini };
[[nodiscard]] std::string_view name(Api api);

/// Tokens, as a service bills them.
struct Usage {
    std::uint64_t requests = 0;
    std::uint64_t input = 0;  ///< without cached ones
    std::uint64_t cached = 0, cache_written = 0;
    std::uint64_t output = 0;
    std::uint64_t thought = 0;  ///< of `output`: thinking, which Gemini counts apart

    Usage& operator+=(const Usage& other);
    friend bool operator==(const Usage&, const Usage&) = default;
};

/// One answer of the model: words, a deed, or both. Made by the functions below.
struct Step {
    enum class Deed { none, shell, read, write, edit };
    std::string words;
    Deed deed = Deed::none;
    std::string path;            ///< below the script's folder, or absolute
    std::string text, other;     ///< command; content; old and new text
    std::optional<Usage> costs;  ///< default: a token for four bytes of request and answer

    [[nodiscard]] Step saying(std::string said) &&;
    [[nodiscard]] Step costing(Usage tokens) &&;
};
[[nodiscard]] Step say(std::string words);
[[nodiscard]] Step shell(std::string command);
[[nodiscard]] Step read(std::string path);
[[nodiscard]] Step write(std::string path, std::string content);
/// Replaces whole lines (apply_patch knows no less); most agents want the file read before.
[[nodiscard]] Step edit(std::string path, std::string old_lines, std::string new_lines);
/// Ends as agents are told to when a person must answer: with a line that begins `QUESTION:`.
[[nodiscard]] Step ask(std::string question);

struct Script {
    std::string name = "script";
    std::vector<std::string> when;      ///< only for conversations in which the user said all of these
    std::string folder = "/workspace";  ///< of relative paths
    std::vector<Step> steps;            ///< after the last one the model has nothing to add
    std::optional<Usage> costs;         ///< of each step that does not say its own
};

/// What goes wrong, and how often.
struct Fault {
    enum class Kind {
        status,        ///< `status` with an error body; `retry_after` becomes the header
        stall,         ///< no answer at all, for `patience`, then a reset
        stall_midway,  ///< half an answer, then as `stall`
        cut,           ///< half an answer, then the connection ends
        reset,         ///< the connection is reset before an answer
        endless,       ///< an answer that goes on (to 1 GiB)
        gzip_bomb,     ///< 256 MiB in about 256 KiB
        no_usage,      ///< a good answer that does not say what it cost
        slow,          ///< a good answer that takes `patience`
    };
    static constexpr int always = std::numeric_limits<int>::max();

    Kind kind = Kind::status;
    int status = 500;
    int times = 1;
    std::string script = {};               ///< name; empty: any
    std::optional<std::size_t> step = {};  ///< counted from 0; none: any
    std::optional<std::chrono::seconds> retry_after = {};
    std::chrono::milliseconds patience{600'000};
    bool echo_key = false;  ///< `status`: the key that arrived is told in the body and in a header
};

/// One request as it came and was answered. Never its content.
struct Request {
    std::string method, path, query;
    std::multimap<std::string, std::string> headers;  ///< names in lower case
    std::string key;                                  ///< wherever it stood; empty: none came
    std::optional<Api> api;                           ///< none: no endpoint of a model API
    std::string model, script;
    std::optional<std::size_t> step;  ///< none: nothing of the script, such as a title for the conversation
    bool streamed = false;
    int status = 0;  ///< 0: no answer
    std::optional<Fault::Kind> fault;
    std::uint64_t request_bytes = 0, answer_bytes = 0;  ///< of the bodies, before any compression
};

class PracticeModel {
 public:
    explicit PracticeModel(int port = 0);  ///< 0 picks a free one
    ~PracticeModel();
    PracticeModel(const PracticeModel&) = delete;
    PracticeModel& operator=(const PracticeModel&) = delete;

    [[nodiscard]] std::string url() const;  ///< what the APIs' own paths go after
    [[nodiscard]] int port() const;

    /// The latest script that fits a conversation is played; one of the same name is replaced.
    void play(Script script);
    /// Faults strike in the order they were told, and never what is not part of a script.
    void fail(Fault fault);
    [[nodiscard]] int faults_left() const;
    /// Other keys get 401. Empty: all are good, and none is needed.
    void accept_keys(std::set<std::string> keys);

    /// The first 20,000.
    [[nodiscard]] std::vector<Request> requests() const;
    /// The truth, by key: all answers that began, whether or not they came to their end or said so.
    [[nodiscard]] std::map<std::string, Usage> usage() const;
    [[nodiscard]] Usage usage(const std::string& key) const;

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace practice_model
