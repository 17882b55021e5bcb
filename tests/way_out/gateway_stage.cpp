#include "tests/way_out/gateway_stage.hpp"

#include "sandbox/door_record.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

namespace gateway_stage {

namespace fs = std::filesystem;

namespace {

constexpr auto patience = std::chrono::seconds(30);

fs::path fresh_folder() {
    auto name = (fs::temp_directory_path() / "shopfloor-gateway-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    return name;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

}  // namespace

bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

sandbox::Purse::Reservation Books::reserve(const sandbox::ModelUse& most) {
    const std::scoped_lock lock(mutex_);
    if (spent_.micro_dollars + most.micro_dollars > most_micro_dollars) return {Answer::spent, 0};
    if (spent_.micro_dollars + reserved_ + most.micro_dollars > most_micro_dollars) return {Answer::busy, 0};
    reserved_ += most.micro_dollars;
    most_ever_ = std::max(most_ever_, spent_.micro_dollars + reserved_);
    last_ = most;
    open_.emplace(next_, most);
    return {Answer::granted, next_++};
}

void Books::settle(std::int64_t reservation, const sandbox::ModelUse& used) {
    const std::scoped_lock lock(mutex_);
    const auto found = open_.find(reservation);
    REQUIRE(found != open_.end());
    CHECK(used.micro_dollars <= found->second.micro_dollars);
    CHECK(used.tokens() <= found->second.tokens());
    CHECK(used.requests <= found->second.requests);
    reserved_ -= found->second.micro_dollars;
    open_.erase(found);
    spent_ += used;
}

sandbox::ModelUse Books::spent() const {
    const std::scoped_lock lock(mutex_);
    return spent_;
}

sandbox::ModelUse Books::last_reserved() const {
    const std::scoped_lock lock(mutex_);
    return last_;
}

std::size_t Books::open() const {
    const std::scoped_lock lock(mutex_);
    return open_.size();
}

std::uint64_t Books::most_ever() const {
    const std::scoped_lock lock(mutex_);
    return most_ever_;
}

Service::Service(Handler handler) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(64); };
    server_.Post(".*", [this, handler = std::move(handler)](const httplib::Request& request,
                                                            httplib::Response& response) {
        {
            const std::scoped_lock lock(mutex_);
            arrived_.push_back({request.target, request.body, request.headers});
        }
        handler(request, response);
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    REQUIRE(port_ > 0);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    REQUIRE(eventually([this] { return server_.is_running(); }));
}

Service::~Service() {
    server_.stop();
    thread_.join();
}

std::vector<Arrived> Service::arrived() const {
    const std::scoped_lock lock(mutex_);
    return arrived_;
}

void send_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

RawService::RawService(Script script) : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listening_.get(), generic, size) == 0);
    REQUIRE(::listen(listening_.get(), 16) == 0);
    REQUIRE(::getsockname(listening_.get(), generic, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this, script = std::move(script)](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            pollfd waiting{listening_.get(), POLLIN, 0};
            if (::poll(&waiting, 1, 20) <= 0) continue;
            const sandbox::Descriptor socket(::accept(listening_.get(), nullptr, nullptr));
            std::string head;
            std::array<char, 4096> some{};
            while (head.find("\r\n\r\n") == std::string::npos) {
                const auto got = ::recv(socket.get(), some.data(), some.size(), 0);
                if (got <= 0) break;
                head.append(some.data(), static_cast<std::size_t>(got));
            }
            ++calls_;
            script(socket.get(), stop);
        }
    });
}

RawService::~RawService() {
    thread_.request_stop();
    ::shutdown(listening_.get(), SHUT_RDWR);
}

std::string chunk(std::string_view bytes) {
    std::array<char, 20> size{};
    const auto length = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
    return std::string(size.data(), static_cast<std::size_t>(length)) + std::string(bytes) + "\r\n";
}

void Program::send(std::string_view bytes) { send_all(end_.get(), bytes); }

void Program::post(const std::string& target, const std::string& body, const std::string& headers) {
    send("POST " + target + " HTTP/1.1\r\nHost: 127.0.0.1:3128\r\nContent-Type: application/json\r\n" +
         headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

bool Program::more() {
    pollfd waiting{end_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 30'000) <= 0) return false;
    std::array<char, 16384> some{};
    const auto got = ::recv(end_.get(), some.data(), some.size(), 0);
    if (got <= 0) return false;
    input_.append(some.data(), static_cast<std::size_t>(got));
    return true;
}

std::string Program::read_until(std::string_view text) {
    while (input_.find(text) == std::string::npos && more()) {
    }
    return input_;
}

bool Program::ended() {
    pollfd waiting{end_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 30'000) <= 0) return false;
    char byte = 0;
    return ::recv(end_.get(), &byte, 1, MSG_PEEK) <= 0;
}

Reply Program::reply() {
    Reply reply;
    while (input_.find("\r\n\r\n") == std::string::npos)
        if (!more()) return reply;
    const auto head_end = input_.find("\r\n\r\n") + 4;
    reply.head = lower(input_.substr(0, head_end));
    input_.erase(0, head_end);
    reply.status = std::stoi(reply.head.substr(9, 3));
    const auto need = [&](std::size_t bytes) {
        while (input_.size() < bytes)
            if (!more()) return false;
        return true;
    };
    if (const auto at = reply.head.find("content-length: "); at != std::string::npos) {
        const auto length = std::stoul(reply.head.substr(at + 16));
        reply.whole = need(length);
        reply.body = input_.substr(0, length);
        input_.erase(0, reply.body.size());
        return reply;
    }
    for (;;) {
        while (input_.find("\r\n") == std::string::npos)
            if (!more()) return reply;
        const auto line = input_.find("\r\n");
        const auto length = std::stoul(input_.substr(0, line), nullptr, 16);
        if (!need(line + 2 + length + 2)) {
            reply.body += input_.substr(line + 2);
            return reply;
        }
        reply.body += input_.substr(line + 2, length);
        input_.erase(0, line + 2 + length + 2);
        if (length == 0) {
            reply.whole = true;
            return reply;
        }
    }
}

Stage::Stage(const std::string& url, config::ModelApi api,
             const std::function<void(config::ModelProvider&)>& change)
    : folder_(fresh_folder()) {
    config::ModelProvider provider;
    provider.name = "svc";
    provider.api = api;
    provider.url = url;
    provider.keys = {config::Secret(key_one)};
    provider.models = {{.name = "good-model",
                        .price = {.input = 3, .cached = 0.3, .cache_write = 3.75, .output = 15},
                        .max_output = 1000},
                       {.name = "other-model"}};
    if (change) change(provider);
    settings_.providers.push_back(std::move(provider));
    keys_ = std::make_unique<sandbox::ModelKeys>(settings_);
}

Stage::~Stage() {
    stop();
    gateway_.reset();
    std::error_code error;
    fs::remove_all(folder_, error);
}

void Stage::stop() {
    stop_.request_stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

sandbox::Gateway& Stage::gateway() {
    if (!gateway_) {
        sandbox::GatewayPlan plan{.provider = settings_.providers.front(),
                                  .models = {"good-model"},
                                  .purse = books,
                                  .keys = *keys_,
                                  .record = sandbox::open_record(folder_ / "calls.jsonl").value(),
                                  .on_halt = [this] { ++halts; }};
        if (change_plan_) change_plan_(plan);
        gateway_ = std::make_unique<sandbox::Gateway>(std::move(plan));
    }
    return *gateway_;
}

Program Stage::connect() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    threads_.emplace_back([&gateway = gateway(), end = ends[1], stop = stop_.get_token()] {
        gateway.serve(sandbox::Descriptor(end), stop);
    });
    return Program(sandbox::Descriptor(ends[0]));
}

Reply Stage::call(const std::string& target, const std::string& body, const std::string& headers) {
    auto program = connect();
    program.post(target, body, headers);
    return program.reply();
}

sandbox::GatewayReport Stage::report_at_end() {
    REQUIRE(eventually([this] { return books.open() == 0; }));
    stop();
    return gateway().report();
}

std::string Stage::record() const {
    std::ifstream in(folder_ / "calls.jsonl", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace gateway_stage
