#include "bot/doors.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

#include "bot/door_values.hpp"
#include "bot/doors_kept.hpp"
#include "sandbox/door_record.hpp"

namespace bot {

namespace {

using sandbox::Error;
using sandbox::Message;

constexpr int most_tries = 3;

Message asking(door_values::Json head) { return {.head = std::move(head), .blobs = {}, .files = {}}; }

sandbox::Descriptor another(const sandbox::Descriptor& file) {
    return sandbox::Descriptor(file ? ::fcntl(file.get(), F_DUPFD_CLOEXEC, 0) : -1);
}

std::uint64_t number_in(const Message& message, const char* key) {
    return message.head.at(key).get<std::uint64_t>();
}

/// News must not throw: it would end the channel, and with it all doors.
Message heard(const std::function<void()>& take) {
    try {
        take();
    } catch (const std::exception& error) {
        spdlog::error("what the process of the doors said cannot be heeded: {}", error.what());
    }
    return {};
}

}  // namespace

DoorHandle::~DoorHandle() { doors_.close(door_); }

const std::filesystem::path& DoorHandle::directory() const { return door_->order.directory; }

sandbox::DoorReport DoorHandle::report() const { return doors_.report(*door_); }

Doors::Doors(const std::filesystem::path& program, const config::ModelSettings& models) : models_(models) {
    const auto news = [this](void (Doors::*member)(const Message&) const) {
        return [this, member](const Message& message) { return heard([&] { (this->*member)(message); }); };
    };
    part_.emplace(PeerPart::Plan{.name = "door",
                                 .program = program,
                                 .verbs = {{"reserve", news(&Doors::reserve)},
                                           {"settle", news(&Doors::settle)},
                                           {"halt", news(&Doors::halt)},
                                           {"report", news(&Doors::take_report)}},
                                 .greet = [this](sandbox::Peer& part) { greet(part); }});
}

Doors::~Doors() = default;

/// A new process: it gets the models, and the doors that are open.
void Doors::greet(sandbox::Peer& part) {
    (void)part.call("models", asking({{"models", door_values::to_json(models_)}}));
    std::vector<std::shared_ptr<KeptDoor>> open;
    std::uint64_t era = 0;
    {
        const std::scoped_lock lock(mutex_);
        greeted_ = &part;
        era = ++era_;
        for (const auto& [id, door] : doors_) open.push_back(door);
    }
    for (const auto& door : open) {
        try {
            ask_open(part, era, *door);
        } catch (const sandbox::PeerError& error) {
            spdlog::error("{}: the door cannot be opened again: {}", door->order.directory.string(),
                          error.what());
        }
    }
}

void Doors::ask_open(sandbox::Peer& part, std::uint64_t era, KeptDoor& door) const {
    door.begin_era(era);
    auto question = asking(
        {{"door", door.id}, {"era", era}, {"hosts", door.order.hosts}, {"visitor", sandbox::sandbox_uid()}});
    question.files.push_back(another(door.files.listener));
    question.files.push_back(another(door.files.record));
    if (door.order.models) {
        question.head["provider"] = door.order.models->provider;
        question.head["models"] = door.order.models->models;
        question.files.push_back(another(door.calls));
    }
    for (const auto& file : question.files)
        if (!file) throw sandbox::PeerError("no file descriptor is left for the door of a run");
    (void)part.call("open", std::move(question));
}

std::expected<std::unique_ptr<DoorHandle>, Error> Doors::open(DoorOrder order) {
    auto files = sandbox::DoorFiles::make(order.directory, order.record);
    if (!files) return std::unexpected(std::move(files.error()));
    sandbox::Descriptor calls;
    if (order.models) {
        auto opened = sandbox::open_record(order.models->record);
        if (!opened) return std::unexpected(std::move(opened.error()));
        calls = std::move(*opened);
    }
    try {
        std::shared_ptr<KeptDoor> door;
        {
            const std::scoped_lock lock(mutex_);
            const auto id = ++last_id_;
            door = std::make_shared<KeptDoor>(id, std::move(order), std::move(*files), std::move(calls));
            doors_.emplace(id, door);
        }
        auto handle = std::make_unique<DoorHandle>(*this, door);
        for (int tries = 0; tries < most_tries; ++tries)
            if (ask_open_now(*door)) return handle;
        throw sandbox::ChannelError("the part of the doors ends as soon as it has begun");
    } catch (const std::runtime_error& error) {
        return std::unexpected(Error{Error::Kind::unavailable, error.what()});
    }
}

/// False: its part ended. The next one is greeted with it, and may be asked again all the same.
bool Doors::ask_open_now(KeptDoor& door) const {
    const auto part = part_->peer();
    std::uint64_t era = 0;
    {
        const std::scoped_lock lock(mutex_);
        if (greeted_ != part.get()) return false;
        era = era_;
    }
    try {
        ask_open(*part, era, door);
        return true;
    } catch (const sandbox::ChannelError&) {
        return false;
    }
}

void Doors::close(const std::shared_ptr<KeptDoor>& door) {
    const auto era = [&] {
        const std::scoped_lock lock(mutex_);
        return era_;
    };
    const auto ask = [&] {
        try {
            (void)part_->peer()->call("close", asking({{"door", door->id}}));
            return true;
        } catch (const std::exception& error) {
            spdlog::warn("{}: the door was not closed in good order: {}", door->order.directory.string(),
                         error.what());
            return false;
        }
    };
    const auto asked_in = era();
    const bool closed = ask();  // while what its last calls came to is still heard
    {
        const std::scoped_lock lock(mutex_);
        doors_.erase(door->id);
    }
    if (!closed || era() != asked_in) (void)ask();  // a new process may have been greeted with it
    door->end();
}

sandbox::DoorReport Doors::report(KeptDoor& door) const {
    try {
        const auto answer = part_->peer()->call("report", asking({{"door", door.id}}));
        take_report(answer);
    } catch (const std::exception& error) {
        spdlog::warn("{}: what went through the door is known up to half a second ago: {}",
                     door.order.directory.string(), error.what());
    }
    return door.report();
}

std::optional<sandbox::ModelKeys::Time> Doors::parked_until(std::string_view provider) const {
    try {
        const auto answer = part_->peer()->call("parked", asking({{"provider", provider}}));
        return door_values::time_of(answer.head.at("until"));
    } catch (const std::exception& error) {
        spdlog::warn("nobody knows whether {} asked for patience: {}", provider, error.what());
        return std::nullopt;
    }
}

std::shared_ptr<KeptDoor> Doors::find(const Message& message) const {
    const std::scoped_lock lock(mutex_);
    const auto found = doors_.find(number_in(message, "door"));
    return found == doors_.end() ? nullptr : found->second;
}

/// In the thread that listens: one writer pays anyway, one call after the other.
void Doors::reserve(const Message& news) const {
    sandbox::Purse::Reservation reservation{.answer = sandbox::Purse::Answer::busy};
    (void)heard([&] {  // whatever comes of it, the call must not wait for ever
        if (const auto door = find(news))
            reservation = door->reserve(number_in(news, "era"), door_values::use_of(news.head.at("use")));
    });
    sandbox::Peer* part = nullptr;
    {
        const std::scoped_lock lock(mutex_);
        part = greeted_;  // who tells this: an era's news is over before the next one's greeting
    }
    part->tell("reserved", asking({{"ticket", number_in(news, "ticket")},
                                   {"granted", static_cast<int>(reservation.answer)},
                                   {"id", reservation.id}}));
}

void Doors::settle(const Message& news) const {
    if (const auto door = find(news))
        door->settle(number_in(news, "era"), news.head.at("id").get<std::int64_t>(),
                     door_values::use_of(news.head.at("use")));
}

void Doors::halt(const Message& news) const {
    if (const auto door = find(news)) door->halt(number_in(news, "era"));
}

void Doors::take_report(const Message& news) const {
    if (const auto door = find(news))
        door->take(number_in(news, "era"), door_values::report_of(news.head.at("report")));
}

}  // namespace bot
