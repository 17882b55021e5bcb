#include "tests/practice_forge/hooks.hpp"

#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>

#include "tests/practice_forge/credentials.hpp"

namespace practice_forge {
namespace {

struct Address {
    std::string origin, path;
};
Address split(const std::string& url) {
    const auto scheme = url.find("://");
    const auto slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
    if (slash == std::string::npos) return {url, "/"};
    return {url.substr(0, slash), url.substr(slash)};
}

}  // namespace

Hooks::Hooks(World& world, Seal seal, Recorder recorder)
    : world_(world),
      seal_(seal),
      recorder_(std::move(recorder)),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

Hooks::~Hooks() {
    thread_.request_stop();
    changed_.notify_all();
    const std::scoped_lock lock(mutex_);
    for (auto* client : sending_) client->stop();
}

void Hooks::configure(HookSettings settings) {
    const std::scoped_lock lock(mutex_);
    settings_ = std::move(settings);
}

HookSettings Hooks::settings() const {
    const std::scoped_lock lock(mutex_);
    return settings_;
}

void Hooks::script(const HookFault& fault) {
    const std::scoped_lock lock(mutex_);
    faults_.push_back(fault);
}

void Hooks::end(std::int64_t repository) {
    const std::scoped_lock lock(mutex_);
    ended_.insert(repository);
}

void Hooks::begin_again() {
    const std::scoped_lock lock(mutex_);
    ended_.erase(0);
}

bool Hooks::wants(const std::string& event) const {
    const std::scoped_lock lock(mutex_);
    const bool always = event == "ping" || event.starts_with("installation");
    return !settings_.url.empty() &&
           (always || std::ranges::find(settings_.events, event) != settings_.events.end());
}

void Hooks::send(Letter letter) {
    if (!wants(letter.what.substr(0, letter.what.find('.')))) return;
    const std::scoped_lock lock(mutex_);
    if (letter.what != "ping" && disabled()) return;
    if (ended_.contains(0) || (letter.repository != 0 && ended_.contains(letter.repository))) return;
    Waiting waiting;
    auto& sent = waiting.sent;
    sent.delivery = {.id = ++last_id_,
                     .what = std::move(letter.what),
                     .thread = letter.thread,
                     .by = std::move(letter.by),
                     .guid = random_guid(),
                     .event = std::move(letter.event),
                     .event_type = std::move(letter.event_type),
                     .action = std::move(letter.action),
                     .status = {},
                     .body = std::move(letter.body),
                     .response = {},
                     .on_pull_request = letter.on_pull_request};
    sent.repository = letter.repository;
    sent.installation = letter.installation;
    sent.when = world_.now();
    if (settings_.group_too) {
        auto second = waiting;
        second.sent.delivery.id = ++last_id_;
        second.sent.delivery.guid = random_guid();
        second.sent.delivery.of_group = true;
        enqueue(std::move(waiting));
        waiting = std::move(second);
    }
    enqueue(std::move(waiting));
    changed_.notify_all();
}

void Hooks::enqueue(Waiting waiting) {
    auto& sent = waiting.sent;
    if (faults_.empty()) {
        queue_.push_back(std::move(waiting));
        return;
    }
    auto& fault = faults_.front();
    switch (fault.kind) {
        case HookFault::Kind::lose:
            sent.delivery.status = "failed to connect to host";
            done_.push_back(std::move(sent));
            break;
        case HookFault::Kind::vanish:
            break;
        case HookFault::Kind::hold:
            sent.held = true;
            done_.push_back(std::move(sent));
            break;
        case HookFault::Kind::duplicate:
            queue_.push_back(waiting);
            queue_.push_back(std::move(waiting));
            break;
        case HookFault::Kind::reorder:
            held_.push_back(std::move(waiting));
            break;
        case HookFault::Kind::bad_signature:
            waiting.good_signature = false;
            queue_.push_back(std::move(waiting));
            break;
    }
    if (--fault.times <= 0) {
        std::ranges::move(held_.rbegin(), held_.rend(), std::back_inserter(queue_));
        held_.clear();
        faults_.pop_front();
    }
}

Hooks::Sent Hooks::listed(std::int64_t id) const {
    const auto found = std::ranges::find_if(done_, [&](const Sent& s) { return s.delivery.id == id; });
    if (found == done_.end()) throw not_found();
    return *found;
}

void Hooks::redeliver(std::int64_t id) {
    const std::scoped_lock lock(mutex_);
    Waiting again{.sent = listed(id)};
    again.sent.delivery.id = ++last_id_;
    again.sent.delivery.redelivery = true;
    again.sent.when = world_.now();
    queue_.push_back(std::move(again));
    changed_.notify_all();
}

int Hooks::resend(std::int64_t id) {
    Sent again;
    {
        const std::scoped_lock lock(mutex_);
        again = listed(id);
        again.delivery.id = ++last_id_;
    }
    again.delivery.redelivery = true;
    again.delivery.status_code = 0;
    again.when = world_.now();
    attempt(again, true);
    recorder_(again);
    const std::scoped_lock lock(mutex_);
    done_.push_back(again);
    return again.delivery.status_code;
}

int Hooks::deliver(std::int64_t id, const std::string& guid) {
    Sent again;
    {
        const std::scoped_lock lock(mutex_);
        again = listed(id);
    }
    if (!guid.empty()) again.delivery.guid = guid;
    again.delivery.status_code = 0;
    attempt(again, true);
    return again.delivery.status_code;
}

void Hooks::disable(std::optional<std::chrono::seconds> time) {
    const std::scoped_lock lock(mutex_);
    standing_ = {.for_good = !time, .until = {}};
    if (time) standing_.until = world_.now() + *time;
}

Hooks::Standing Hooks::standing() const {
    const std::scoped_lock lock(mutex_);
    return standing_;
}

bool Hooks::disabled() const {
    return standing_.for_good || (standing_.until && *standing_.until > world_.now());
}

/// https://docs.gitlab.com/user/project/integrations/webhooks/#auto-disabled-webhooks
void Hooks::count(bool good) {
    using std::chrono_literals::operator""min;
    using std::chrono_literals::operator""h;
    const std::scoped_lock lock(mutex_);
    failures_ = good ? 0 : failures_ + 1;
    if (good) standing_ = {};
    if (!settings_.disables_itself || failures_ < 4) return;
    standing_.for_good = failures_ >= 40;
    const auto wait = std::min<std::chrono::minutes>(24h, 1min * (1 << std::min(failures_ - 4, 11)));
    standing_.until = standing_.for_good ? std::nullopt : std::optional(world_.now() + wait);
}

bool Hooks::sent(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [this] { return queue_.empty() && !busy_; });
}

std::vector<Hooks::Sent> Hooks::tried() const {
    auto all = deliveries();
    std::erase_if(all, [](const Sent& sent) { return sent.held; });
    return all;
}

std::map<std::string, std::string> Hooks::headers_of(const Sent& sent) const {
    if (!sent.headers.empty()) return sent.headers;
    const auto to = settings();
    return seal_(world_, sent.delivery, to, to.secret);
}

std::vector<Hooks::Sent> Hooks::deliveries() const {
    const std::scoped_lock lock(mutex_);
    return done_;
}

void Hooks::work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !queue_.empty(); }) && !stop.stop_requested()) {
        Waiting next = std::move(queue_.front());
        queue_.pop_front();
        if (next.sent.delivery.what != "ping" && disabled()) {
            changed_.notify_all();
            continue;
        }
        busy_ = true;
        lock.unlock();
        attempt(next.sent, next.good_signature);
        recorder_(next.sent);
        lock.lock();
        done_.push_back(std::move(next.sent));
        busy_ = false;
        changed_.notify_all();
    }
}

void Hooks::attempt(Sent& sent, bool good_signature) {
    const HookSettings to = settings();
    auto& delivery = sent.delivery;
    sent.headers = seal_(world_, delivery, to, good_signature ? to.secret : to.secret + "?");
    const auto address = split(to.url);
    httplib::Client client(address.origin);
    client.set_connection_timeout(to.timeout);
    client.set_read_timeout(to.timeout);
    client.set_tcp_nodelay(true);
    {
        const std::scoped_lock lock(mutex_);
        sending_.insert(&client);
    }
    const auto begin = std::chrono::steady_clock::now();
    const auto result = client.Post(address.path, httplib::Headers(sent.headers.begin(), sent.headers.end()),
                                    delivery.body, "application/json");
    {
        const std::scoped_lock lock(mutex_);
        sending_.erase(&client);
    }
    sent.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (!result) {
        const bool late = result.error() == httplib::Error::Read &&
                          sent.seconds >= 0.9 * std::chrono::duration<double>(to.timeout).count();
        delivery.status = late ? "timed out" : "failed to connect to host";
        return count(false);
    }
    delivery.status_code = result->status;
    delivery.status = result->status >= 200 && result->status < 300
                          ? "OK"
                          : fmt::format("Invalid HTTP Response: {}", result->status);
    delivery.response = result->body;
    count(result->status >= 200 && result->status < 300);
}

}  // namespace practice_forge
