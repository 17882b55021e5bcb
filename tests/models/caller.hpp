#pragma once

#include <doctest/doctest.h>
#include <httplib.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/practice_model/practice_model.hpp"

/// A caller of each model API, as small as one can be: it offers a shell, does what the model says (without
/// doing it) and tells the result.
namespace models {

/// One answer, read out of its dialect.
struct Heard {
    std::string words;
    std::string call, tool;  ///< id and name; empty: no call
    nlohmann::json arguments;
    practice_model::Usage usage;  ///< as the answer told it
    bool told_usage = false;
    bool complete = false;  ///< it had its dialect's end
};

class Caller {
 public:
    Caller(const practice_model::PracticeModel& model, practice_model::Api api, bool streamed,
           std::string key = "a-key");

    [[nodiscard]] std::string path() const;
    [[nodiscard]] httplib::Headers headers() const;
    [[nodiscard]] std::string body() const;

    /// The request as it stands now. Fails the test when it is not answered with 200.
    Heard ask();
    [[nodiscard]] httplib::Result raw();
    /// The answer and its call's result become part of the conversation.
    void go_on(const Heard& heard);
    void without_tools() { tools_ = false; }
    void say(const std::string& text);

 private:
    httplib::Client client_;
    practice_model::Api api_;
    bool streamed_;
    std::string key_;
    bool tools_ = true;
    nlohmann::json history_ = nlohmann::json::array();
};

[[nodiscard]] Heard heard_of(practice_model::Api api, bool streamed, const std::string& body);

/// Runs `test` for each API, plain and streamed.
template <typename Test>
void on_each(const Test& test) {
    using practice_model::Api;
    for (const Api api : {Api::anthropic, Api::chat, Api::responses, Api::gemini}) {
        for (const bool streamed : {false, true}) {
            INFO(practice_model::name(api), streamed ? ", streamed" : ", plain");
            test(api, streamed);
        }
    }
}

}  // namespace models
