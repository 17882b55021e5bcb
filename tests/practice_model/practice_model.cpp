#include "tests/practice_model/practice_model.hpp"

#include <httplib.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tests/practice_model/answers.hpp"
#include "tests/practice_model/books.hpp"
#include "tests/practice_model/playing.hpp"

/// The HTTP front: tells the endpoints apart, finds the step, lets faults happen, keeps the books.
namespace practice_model {

using nlohmann::json;

namespace {

struct Endpoint {
    Api api = Api::anthropic;
    enum class Deed { answer, count } deed = Deed::answer;
    std::string model;      ///< where the path names it
    bool streamed = false;  ///< where the path says so
    bool events = true;     ///< streams are server-sent events, else one JSON array (Gemini without alt=sse)
};

std::optional<Endpoint> endpoint_of(const httplib::Request& in) {
    using Deed = Endpoint::Deed;
    if (in.path == "/v1/messages") return Endpoint{.api = Api::anthropic};
    if (in.path == "/v1/messages/count_tokens") return Endpoint{.api = Api::anthropic, .deed = Deed::count};
    if (in.path == "/v1/chat/completions") return Endpoint{.api = Api::chat};
    if (in.path == "/v1/responses") return Endpoint{.api = Api::responses};
    constexpr std::string_view models = "/v1beta/models/";
    const auto colon = in.path.rfind(':');
    if (!in.path.starts_with(models) || colon == std::string::npos) return std::nullopt;
    Endpoint endpoint{.api = Api::gemini, .model = in.path.substr(models.size(), colon - models.size())};
    const auto verb = std::string_view(in.path).substr(colon + 1);
    endpoint.streamed = verb == "streamGenerateContent";
    endpoint.events = in.get_param_value("alt") == "sse";
    if (verb == "countTokens") endpoint.deed = Deed::count;
    if (verb == "generateContent" || verb == "countTokens" || endpoint.streamed) return endpoint;
    return std::nullopt;
}

std::string key_of(const httplib::Request& in) {
    for (const char* name : {"x-api-key", "x-goog-api-key"}) {
        if (in.has_header(name)) return in.get_header_value(name);
    }
    constexpr std::string_view bearer = "Bearer ";
    const auto authorization = in.get_header_value("authorization");
    if (authorization.starts_with(bearer)) return authorization.substr(bearer.size());
    return authorization.empty() ? in.get_param_value("key") : authorization;
}

Request request_of(const httplib::Request& in) {
    Request request{.method = in.method, .path = in.path, .key = key_of(in), .request_bytes = in.body.size()};
    const auto question = in.target.find('?');
    if (question != std::string::npos) request.query = in.target.substr(question + 1);
    for (const auto& [header, value] : in.headers) {
        std::string lower;
        for (const char c : header) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        request.headers.emplace(lower, value);
    }
    return request;
}

Usage measured(const Reply& reply, std::size_t request_bytes) {
    const auto tokens = [](std::size_t bytes) { return bytes / 4 + 1; };
    std::size_t said = reply.words.size();
    if (reply.call) said += wire(reply.call->arguments).size() + reply.call->input.size();
    return {.input = tokens(request_bytes), .output = tokens(said)};
}

/// The answer as it goes over the wire; a plain one in two halves.
std::vector<std::string> parts_of(const Answer& answer, const Endpoint& endpoint, bool streamed) {
    std::vector<std::string> parts;
    if (!streamed) {
        const auto whole = wire(answer.whole);
        return {whole.substr(0, whole.size() / 2), whole.substr(whole.size() / 2)};
    }
    for (const auto& event : answer.events) {
        if (!endpoint.events) {
            parts.push_back((parts.empty() ? "[" : ",\r\n") + event.data);
        } else {
            parts.push_back((event.name.empty() ? "" : "event: " + event.name + "\n") +
                            "data: " + event.data + "\n\n");
        }
    }
    if (!endpoint.events) parts.emplace_back("]");
    return parts;
}

}  // namespace

struct PracticeModel::Inside {
    httplib::Server server;
    Books books;
    Patience patience;
    int port = 0;
    std::jthread listening;

    void handle(const httplib::Request& in, httplib::Response& out);
    void answer_step(const httplib::Request& in, const Endpoint& endpoint, Request record,
                     httplib::Response& out);
    void refuse(Request record, int status, const std::string& message, httplib::Response& out);
    void strike(const Fault& fault, Request record, const Peer& peer, httplib::Response& out);
    [[nodiscard]] Reply reply_to(const Conversation& conversation, const Script& script,
                                 Request& record) const;
};

void PracticeModel::Inside::handle(const httplib::Request& in, httplib::Response& out) {
    Request record = request_of(in);
    const auto endpoint = endpoint_of(in);
    if (!endpoint) return refuse(record, 404, "no endpoint " + in.method + " " + in.path, out);
    record.api = endpoint->api;
    if (!books.accepts(record.key)) return refuse(record, 401, "invalid api key", out);
    if (endpoint->deed == Endpoint::Deed::count) {
        const auto tokens = in.body.size() / 4 + 1;
        const json body =
            endpoint->api == Api::gemini ? json{{"totalTokens", tokens}} : json{{"input_tokens", tokens}};
        record.status = 200;
        record.answer_bytes = body.dump().size();
        books.record(record);
        return out.set_content(body.dump(), "application/json");
    }
    try {
        answer_step(in, *endpoint, record, out);
    } catch (const json::exception& error) {
        refuse(record, 400, std::string("not a request of this API: ") + error.what(), out);
    }
}

void PracticeModel::Inside::refuse(Request record, int status, const std::string& message,
                                   httplib::Response& out) {
    const auto body = wire(error_body(record.api.value_or(Api::chat), status, message));
    record.status = status;
    record.answer_bytes = body.size();
    books.record(std::move(record));
    out.status = status;
    out.set_content(body, "application/json");
}

/// Faults that leave nothing of the answer.
void PracticeModel::Inside::strike(const Fault& fault, Request record, const Peer& peer,
                                   httplib::Response& out) {
    if (fault.kind == Fault::Kind::status) {
        if (fault.retry_after) out.set_header("retry-after", std::to_string(fault.retry_after->count()));
        std::string message = "a fault of practice";
        if (fault.echo_key) {
            message += ": the key was " + record.key;
            out.set_header("x-received-key", record.key);
        }
        return refuse(std::move(record), fault.status, message, out);
    }
    books.record(std::move(record));
    if (fault.kind == Fault::Kind::stall) (void)patience.wait(fault.patience, peer);
    peer.reset();
}

Reply PracticeModel::Inside::reply_to(const Conversation& conversation, const Script& script,
                                      Request& record) const {
    const auto step = due_step(conversation, script.steps);
    Reply reply{.mark = mark(step), .model = conversation.model, .streams_usage = conversation.wants_usage};
    if (step >= script.steps.size()) {
        record.step = step;
        reply.words = "There is nothing more to do.";
    } else if (const Step& due = script.steps[step]; due.deed == Step::Deed::none) {
        record.step = step;
        reply.words = due.words;
    } else if (auto call = call_of(due, conversation.tools, script.folder)) {
        record.step = step;
        reply.words = due.words;
        reply.call = std::move(call);
    } else {
        reply.words = "ok";
    }
    reply.usage = measured(reply, record.request_bytes);
    if (record.step && script.costs) reply.usage = *script.costs;
    if (record.step && step < script.steps.size() && script.steps[step].costs)
        reply.usage = *script.steps[step].costs;
    reply.usage.requests = 1;
    return reply;
}

void PracticeModel::Inside::answer_step(const httplib::Request& in, const Endpoint& endpoint, Request record,
                                        httplib::Response& out) {
    auto conversation = read_conversation(endpoint.api, json::parse(in.body));
    if (endpoint.api == Api::gemini) {
        conversation.model = endpoint.model;
        conversation.streamed = endpoint.streamed;
    }
    record.model = conversation.model;
    record.streamed = conversation.streamed;
    const auto script = books.script_for(conversation);
    if (!script) return refuse(std::move(record), 404, "no script fits this conversation", out);
    record.script = script->name;
    auto reply = reply_to(conversation, *script, record);

    const Peer peer(port, in.remote_port);
    std::optional<Fault> fault;
    if (record.step) fault = books.take(script->name, *record.step);
    if (fault) record.fault = fault->kind;
    using Kind = Fault::Kind;
    if (fault && (fault->kind == Kind::status || fault->kind == Kind::stall || fault->kind == Kind::reset))
        return strike(*fault, std::move(record), peer, out);

    if (fault && fault->kind == Kind::endless && reply.words.empty()) reply.words = "and so on ";
    if (fault && fault->kind == Kind::no_usage) reply.tells_usage = reply.streams_usage = false;
    const auto whole = answer(endpoint.api, reply);
    Playing playing{.books = books, .patience = patience, .peer = peer};
    playing.streamed = conversation.streamed;
    playing.content_type =
        conversation.streamed && endpoint.events ? "text/event-stream" : "application/json";
    playing.parts = parts_of(whole, endpoint, conversation.streamed);
    playing.again = conversation.streamed ? whole.again : 0;
    if (fault && fault->kind == Kind::endless && !conversation.streamed) playing.parts = {" "};
    playing.fault = fault;
    books.bill(record.key, reply.usage);
    record.status = 200;
    playing.record = books.record(std::move(record));
    practice_model::play(std::move(playing), out);
}

PracticeModel::PracticeModel(int port) : inside_(std::make_unique<Inside>()) {
    auto& server = inside_->server;
    // A connection each thread, and those that stall keep theirs.
    server.new_task_queue = [] { return new httplib::ThreadPool(128); };
    server.set_keep_alive_max_count(10'000);
    server.set_payload_max_length(64U << 20);
    server.set_tcp_nodelay(true);
    const auto handler = [inside = inside_.get()](const httplib::Request& in, httplib::Response& out) {
        inside->handle(in, out);
    };
    server.Post(".*", handler);
    server.Get(".*", handler);
    inside_->port = port;
    if (port == 0) {
        inside_->port = server.bind_to_any_port("127.0.0.1");
    } else if (!server.bind_to_port("127.0.0.1", port)) {
        inside_->port = -1;
    }
    if (inside_->port < 0)
        throw std::runtime_error("practice model: cannot listen on 127.0.0.1:" + std::to_string(port));
    inside_->listening = std::jthread([&server] { server.listen_after_bind(); });
    while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

PracticeModel::~PracticeModel() {
    inside_->patience.end();
    inside_->server.stop();
    end_connections(inside_->port);
    inside_->listening.join();
}

std::string PracticeModel::url() const { return "http://127.0.0.1:" + std::to_string(inside_->port); }
int PracticeModel::port() const { return inside_->port; }
void PracticeModel::play(Script script) { inside_->books.play(std::move(script)); }
void PracticeModel::fail(Fault fault) { inside_->books.fail(std::move(fault)); }
int PracticeModel::faults_left() const { return inside_->books.faults_left(); }
void PracticeModel::accept_keys(std::set<std::string> keys) { inside_->books.accept_keys(std::move(keys)); }
std::vector<Request> PracticeModel::requests() const { return inside_->books.requests(); }
std::map<std::string, Usage> PracticeModel::usage() const { return inside_->books.usage(); }

Usage PracticeModel::usage(const std::string& key) const {
    const auto all = inside_->books.usage();
    const auto found = all.find(key);
    return found == all.end() ? Usage{} : found->second;
}

}  // namespace practice_model
