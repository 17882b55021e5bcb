// What is refused, one by one, and what is mended: nothing of it reaches the service as it was asked.
#include "sandbox/gateway_rules.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/way_out/gateway_samples.hpp"
#include "tests/way_out/gateway_stage.hpp"

using namespace gateway_stage;
using config::ModelApi;
using nlohmann::json;

namespace {

constexpr auto chat = "/svc/v1/chat/completions";
constexpr auto responses = "/svc/v1/responses";
constexpr auto gemini = "/svc/v1beta/models/good-model:generateContent";

ModelApi api_of(std::string_view target) {
    if (target == messages_path) return ModelApi::anthropic;
    return target == gemini ? ModelApi::gemini : ModelApi::openai;
}

/// The request with `more` at its top.
std::string with(std::string_view target, const std::string& more) {
    return target == gemini ? "{" + more + "}" : R"({"model":"good-model",)" + more + "}";
}

/// What the service got for it.
json sent(std::string_view target, const std::string& body) {
    Service service(fine());
    Stage stage(service.url(), api_of(target));
    const auto reply = stage.call(std::string(target), body);
    CHECK_MESSAGE(reply.status == 200, reply.body);
    const auto arrived = service.arrived();
    REQUIRE(arrived.size() == 1);
    return json::parse(arrived[0].body);
}

struct Refused {
    const char* target;
    const char* more;
    const char* why;  ///< in the message
};

void expect_refused(const std::vector<Refused>& cases) {
    Service service(fine());
    for (const auto& each : cases) {
        CAPTURE(each.target);
        CAPTURE(each.more);
        Stage stage(service.url(), api_of(each.target));
        const auto reply = stage.call(each.target, with(each.target, each.more));
        CHECK(reply.status == 400);
        const auto message = json::parse(reply.body)["error"]["message"].get<std::string>();
        CHECK_MESSAGE(message.find(each.why) != std::string::npos, message);
        const auto report = stage.report_at_end();
        CHECK(report.refused == 1);
        CHECK(report.used.requests == 0);
        CHECK(report.last_fault.find(each.why) != std::string::npos);
    }
    CHECK(service.arrived().empty());
}

}  // namespace

TEST_CASE(
    "a model that is not of this run is refused, whatever the path and the second key of that name say") {
    Service service(fine());
    for (const auto* body : {R"({"model":"other-model"})", R"({"model":"unheard-of"})", R"({"model":7})",
                             "{}", R"({"model":"good-model","model":"other-model"})"}) {
        CAPTURE(body);
        Stage stage(service.url());
        CHECK(stage.call(messages_path, body).status == 403);
    }
    Stage stage(service.url(), ModelApi::gemini);
    CHECK(stage.call("/svc/v1beta/models/other-model:generateContent", R"({"model":"models/good-model"})")
              .status == 403);
    CHECK(service.arrived().empty());
}

TEST_CASE("what the service reads is what was judged: of a key that stands twice, one is written anew") {
    const json judged{{"model", "good-model"}, {"tools", json::array()}, {"max_tokens", 7}};
    CHECK(sent(messages_path,
               "{ \"model\":\"other-model\", \"tools\":[{\"type\":\"web_search_20250305\"}],\n"
               "\"max_tokens\":9, \"max_tokens\":7, \"tools\":[], \"model\":\"good-model\" }") == judged);
    Service service(fine());
    Stage stage(service.url());
    for (
        const std::string body :
        {R"({"model":"good-model","tools":[{"type":"web_search_20250305"}],"t\u006fols":[],"max_tokens":7})",
         R"({"model":"good-model","tools":[{"type":"web_search_20250305","type":"custom"}],"max_tokens":7})",
         R"({"model":"good-model","max_tokens":7,"messages":[{"content":[{"file_id":"x","file_id":null}]}]})"}) {
        CAPTURE(body);
        CHECK(stage.call(messages_path, body).status == 200);
        const auto arrived = service.arrived().back().body;
        CHECK(arrived != body);
        CHECK(arrived == nlohmann::ordered_json::parse(body).dump());
    }
}

TEST_CASE("a request in which nothing is mended reaches the service byte for byte") {
    struct Call {
        const char *target, *body;
    };
    const std::vector<Call> calls{
        {messages_path,
         "{ \"model\" : \"good\\u002dmodel\",\n\t\"max_tokens\":5, \"temperature\":1.0e0,"
         "\"messages\":[{\"content\":\"\\u00e9\\ud83d\\ude00\\/ \\\"max_tokens\\\":9\"}] }\n"},
        {chat,
         "{\"model\":\"good-model\", \"max_completion_tokens\":5,\"stream\":true,"
         "\"stream_options\": {\"include_usage\":true}}"},
        {responses, "{\"model\":\"good-model\",  \"max_output_tokens\":1000, \"input\":\"a\"}"},
        {gemini, "{ \"contents\":[], \"generation_config\": {\"maxOutputTokens\": 1}}"},
    };
    for (const auto& each : calls) {
        CAPTURE(each.target);
        Service service(fine());
        Stage stage(service.url(), api_of(each.target));
        CHECK(stage.call(each.target, each.body).status == 200);
        CHECK(service.arrived().at(0).body == each.body);
    }
}

TEST_CASE("keys stay in the order in which they came, for models read schemas in order") {
    Service service(fine());
    Stage stage(service.url());
    const std::string body =
        R"({"model":"good-model","max_tokens":5,"tools":[{"name":"t","input_schema":{"z":1,"a":{"y":2,"b":3.5}}}]})";
    CHECK(stage.call(messages_path, body).status == 200);
    CHECK(service.arrived().at(0).body == body);
}

TEST_CASE("tools that the service runs by itself are refused by name") {
    expect_refused({
        {messages_path, R"("tools":[{"type":"web_search_20250305","name":"web_search"}])",
         "web_search_20250305"},
        {messages_path, R"("tools":[{"name":"ok"},{"type":"code_execution_20250825"}])", "code_execution"},
        {messages_path, R"("tools":[{"type":"web_fetch_20250910"}])", "web_fetch"},
        {messages_path, R"("tools":[{"type":"mcp_toolset"}])", "mcp_toolset"},
        {messages_path, R"("tools":[{"type":7}])", "run by the model service"},
        {messages_path, R"("tools":[{"type":"custom","Type":"web_search_20250305"}])", "'Type'"},
        {messages_path, R"("tools":{"type":"web_search_20250305"})", "list"},
        {messages_path, R"("mcp_servers":[{"url":"https://evil.example"}])", "mcp_servers"},
        {messages_path, R"("container":"c1")", "container"},
        {chat, R"("tools":[{"type":"web_search"}])", "web_search"},
        {chat, R"("tools":[{"name":"x"}])", "run by the model service"},
        {chat, R"("web_search_options":{})", "web_search_options"},
        {chat, R"("plugins":[{"id":"web"}])", "plugins"},
        {responses, R"("tools":[{"type":"function","name":"f"},{"type":"web_search"}])", "web_search"},
        {responses, R"("tools":[{"type":"code_interpreter"}])", "code_interpreter"},
        {responses, R"("tools":[{"type":"mcp","server_url":"https://evil.example"}])", "'mcp'"},
        {responses, R"("tools":[{"type":"file_search"}])", "file_search"},
        {responses, R"("tools":[{"type":"image_generation"}])", "image_generation"},
        {responses, R"("tools":[{"type":"shell"}])", "shell"},
        {responses, R"("tools":[{"type":"shell","environment":{"type":"container_auto"}}])", "shell"},
        {responses, R"("tools":[{"type":"namespace","tools":[{"type":"web_search"}]}])", "web_search"},
        {gemini, R"("tools":[{"googleSearch":{}}])", "googleSearch"},
        {gemini, R"("tools":[{"functionDeclarations":[]},{"url_context":{}}])", "url_context"},
        {gemini, R"("tools":[{"functionDeclarations":[],"codeExecution":{}}])", "codeExecution"},
    });
}

TEST_CASE("tools that the program runs pass") {
    for (const auto& [target, tools] : std::vector<std::pair<const char*, const char*>>{
             {messages_path,
              R"([{"name":"f","input_schema":{"type":"web_search"}},{"type":"custom","name":"g"},
                            {"type":"bash_20250124","name":"bash"},{"type":"text_editor_20250728","name":"e"}])"},
             {chat,
              R"([{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"g"}}])"},
             {responses, R"([{"type":"function","name":"f"},{"type":"local_shell"},{"type":"apply_patch"},
                             {"type":"shell","environment":{"type":"local"}},
                             {"type":"namespace","name":"n","tools":[{"type":"function","name":"g"}]}])"},
             {gemini, R"([{"functionDeclarations":[{"name":"f"}]},{"function_declarations":[]}])"}}) {
        CHECK(sent(target, with(target, std::string(R"("tools":)") + tools))["tools"] == json::parse(tools));
    }
}

TEST_CASE("addresses that the service would fetch are refused, content itself passes") {
    expect_refused({
        {messages_path,
         R"("messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://e"}}]}])",
         "fetch"},
        {messages_path,
         R"("messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}])",
         "fetch"},
        {messages_path,
         R"("messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image","source":{"type":"url"}}]}]}])",
         "fetch"},
        {messages_path,
         R"("messages":[{"role":"user","content":[{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url"}}]}}]}])",
         "fetch"},
        {messages_path,
         R"("messages":[{"role":"user","content":[{"type":"container_upload","file_id":"f"}]}])", "file_id"},
        {messages_path, R"("system":[{"type":"image","source":{"type":"url"}}])", "fetch"},
        {chat,
         R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://e"}}]}])",
         "fetch"},
        {chat, R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":"http://e"}]}])",
         "fetch"},
        {chat,
         R"("messages":[{"role":"user","content":[{"type":"video_url","video_url":{"url":"https://e"}}]}])",
         "fetch"},
        {chat, R"("messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}])",
         "file_id"},
        {responses, R"("input":[{"role":"user","content":[{"type":"input_image","image_url":"https://e"}]}])",
         "fetch"},
        {responses, R"("input":[{"role":"user","content":[{"type":"input_file","file_url":"https://e"}]}])",
         "fetch"},
        {responses, R"("input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}])",
         "file_id"},
        {responses,
         R"("input":[{"type":"function_call_output","output":[{"type":"input_image","image_url":"https://e"}]}])",
         "fetch"},
        {gemini, R"("contents":[{"parts":[{"fileData":{"fileUri":"https://e"}}]}])", "fetch"},
        {gemini, R"("contents":[{"parts":[{"text":"x"},{"file_data":{"file_uri":"gs://e"}}]}])", "fetch"},
        {gemini, R"("contents":{"parts":{"fileData":{}}})", "fetch"},
        {gemini, R"("system_instruction":{"parts":[{"fileData":{}}]})", "fetch"},
        {gemini, R"("contents":[{"parts":[{"functionResponse":{"parts":[{"fileData":{}}]}}]}])", "fetch"},
        {gemini, R"("contents":[{"parts":[{"inlineData":{"mimeType":"audio/wav"}}]}])", "price table"},
    });
    CHECK(sent(messages_path, with(messages_path, R"("messages":[{"role":"user","content":[
        {"type":"image","source":{"type":"base64","data":"AA"}},
        {"type":"tool_use","input":{"source":{"type":"url","url":"https://only.text"},"file_id":"x"}}]}])"))
              .contains("messages"));
    CHECK(
        sent(
            chat,
            with(
                chat,
                R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"text","text":"https://only.text"}]}])"))
            .contains("messages"));
    CHECK(
        sent(
            responses,
            with(
                responses,
                R"("input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AA"}]}])"))
            .contains("input"));
    CHECK(sent(gemini, R"({"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA"}}]}]})")
              .contains("contents"));
}

TEST_CASE("use that the price table does not know is refused: stored state, several answers, other tiers") {
    expect_refused({
        {messages_path, R"("service_tier":"priority")", "service_tier"},
        {messages_path, R"("speed":"fast")", "speed"},
        {messages_path, R"("context_management":{"edits":[{"type":"compact_20260112"}]})", "clear_"},
        {messages_path, R"("Max_Tokens":5)", "Max_Tokens"},
        {messages_path, R"("stream":"yes")", "stream"},
        {chat, R"("n":2)", "n must be 1"},
        {chat, R"("n":"2")", "n must be 1"},
        {chat, R"("service_tier":"priority")", "service_tier"},
        {chat, R"("models":["other-model"])", "models"},
        {chat, R"("api_base":"https://evil.example")", "operator"},
        {chat, R"("modalities":["text","audio"])", "modalities"},
        {chat, R"("messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}])",
         "price table"},
        {responses, R"("previous_response_id":"resp_1")", "stored"},
        {responses, R"("conversation":"conv_1")", "stored"},
        {responses, R"("prompt":{"id":"pmpt_1"})", "stored"},
        {responses, R"("background":true)", "background"},
        {responses, R"("input":[{"type":"item_reference","id":"x"}])", "stored"},
        {responses, R"("input":[{"id":"x"}])", "stored"},
        {gemini, R"("cachedContent":"cachedContents/1")", "stored"},
        {gemini, R"("cached_content":"cachedContents/1")", "stored"},
        {gemini, R"("generationConfig":{"candidateCount":2})", "candidateCount"},
        {gemini, R"("generation_config":{"candidate_count":"2"})", "candidateCount"},
        {gemini, R"("generationConfig":{},"generation_config":{})", "two spellings"},
        {gemini, R"("generationConfig":{"maxOutputTokens":1,"max_output_tokens":2})", "two spellings"},
        {gemini, R"("generationConfig":{"responseModalities":["AUDIO"]})", "responseModalities"},
    });
}

TEST_CASE("a limit of output is set where there is none, or a larger one, or none that is a number") {
    CHECK(sent(messages_path, with(messages_path, R"("max_tokens":7)"))["max_tokens"] == 7);
    for (const auto* more : {R"("x":1)", R"("max_tokens":99999999)", R"("max_tokens":-1)",
                             R"("max_tokens":"9")", R"("max_tokens":1e18)", R"("max_tokens":null)"}) {
        CAPTURE(more);
        CHECK(sent(messages_path, with(messages_path, more))["max_tokens"] == 1000);
    }
    CHECK(sent(responses, with(responses, R"("max_output_tokens":5000)"))["max_output_tokens"] == 1000);
    CHECK(sent(chat, with(chat, R"("x":1)"))["max_completion_tokens"] == 1000);
    const auto older = sent(chat, with(chat, R"("max_tokens":5000)"));
    CHECK(older["max_tokens"] == 1000);
    CHECK_FALSE(older.contains("max_completion_tokens"));
    const auto both = sent(chat, with(chat, R"("max_tokens":5,"max_completion_tokens":5000)"));
    CHECK(both["max_completion_tokens"] == 5);
    CHECK_FALSE(both.contains("max_tokens"));
    CHECK(sent(gemini,
               R"({"generationConfig":{"maxOutputTokens":"5000"}})")["generationConfig"]["maxOutputTokens"] ==
          1000);
    const auto snake = sent(gemini, R"({"generation_config":{"max_output_tokens":5}})")["generation_config"];
    CHECK(snake == json{{"maxOutputTokens", 5}});
}

TEST_CASE("a stream of Chat Completions always tells its use") {
    CHECK(sent(chat, with(chat, R"("stream":true)"))["stream_options"]["include_usage"] == true);
    CHECK(sent(chat,
               with(chat,
                    R"("stream":true,"stream_options":{"include_usage":false,"a":1})"))["stream_options"] ==
          json{{"include_usage", true}, {"a", 1}});
    CHECK_FALSE(sent(chat, with(chat, R"("stream":false)")).contains("stream_options"));
}
