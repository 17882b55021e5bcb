#include "tests/practice_model/playing.hpp"

#include <algorithm>
#include <memory>

namespace practice_model {

namespace {

using Kind = Fault::Kind;

constexpr std::uint64_t endless_bytes = 1ULL << 30;

/// 256 MiB of blanks: JSON may begin with them.
const std::string& bomb() {
    static const std::string packed = [] {
        const std::string blanks(1U << 20, ' ');
        std::string bytes;
        // The library's own: it decodes with the counterpart.
        httplib::detail::gzip_compressor compressor;
        for (int i = 1; i <= 256; ++i) {
            compressor.compress(blanks.data(), blanks.size(), i == 256,
                                [&](const char* data, std::size_t size) {
                                    bytes.append(data, size);
                                    return true;
                                });
        }
        return bytes;
    }();
    return packed;
}

bool is(const Playing& playing, Kind kind) { return playing.fault && playing.fault->kind == kind; }

bool send(const Playing& playing, httplib::DataSink& sink, const std::string& bytes) {
    if (playing.patience.ended() || !sink.write(bytes.data(), bytes.size())) return false;
    playing.books.add_bytes(playing.record, bytes.size());
    return true;
}

/// Repeats one part until nobody listens any more.
bool send_without_end(const Playing& playing, httplib::DataSink& sink) {
    for (std::size_t i = 0; i < playing.again; ++i) {
        if (!send(playing, sink, playing.parts[i])) return false;
    }
    std::string many;
    while (many.size() < 16'384) many += playing.parts.at(playing.again);
    for (std::uint64_t sent = 0; sent < endless_bytes; sent += many.size()) {
        if (!send(playing, sink, many)) return false;
    }
    return false;
}

bool send_parts(const Playing& playing, httplib::DataSink& sink) {
    const auto& parts = playing.parts;
    const bool half = is(playing, Kind::cut) || is(playing, Kind::stall_midway);
    const auto end = half ? std::max<std::size_t>(parts.size() / 2, 1) : parts.size();
    for (std::size_t i = 0; i < end; ++i) {
        if (is(playing, Kind::slow) &&
            !playing.patience.wait(playing.fault->patience / static_cast<int>(parts.size()), playing.peer))
            return false;
        if (!send(playing, sink, parts[i])) return false;
    }
    if (is(playing, Kind::stall_midway)) (void)playing.patience.wait(playing.fault->patience, playing.peer);
    return !half;
}

}  // namespace

bool Patience::wait(std::chrono::milliseconds time, const Peer& peer) {
    constexpr std::chrono::milliseconds look(50);
    const auto until = std::chrono::steady_clock::now() + time;
    std::unique_lock lock(mutex_);
    while (!ended_ && std::chrono::steady_clock::now() < until) {
        ended_cv_.wait_until(lock, std::min(until, std::chrono::steady_clock::now() + look));
        if (peer.gone()) return false;
    }
    return !ended_;
}

void Patience::end() {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    ended_cv_.notify_all();
}

bool Patience::ended() const {
    const std::scoped_lock lock(mutex_);
    return ended_;
}

void play(Playing playing, httplib::Response& response) {
    const auto type = playing.content_type;
    if (is(playing, Kind::gzip_bomb)) {
        response.set_header("Content-Encoding", "gzip");
        playing.parts = {bomb()};
        playing.streamed = false;
    }
    const bool whole = !playing.streamed && !is(playing, Kind::endless);
    std::size_t size = 0;
    for (const auto& part : playing.parts) size += part.size();
    const auto shared = std::make_shared<Playing>(std::move(playing));
    if (whole) {
        response.set_content_provider(size, type,
                                      [shared](std::size_t, std::size_t, httplib::DataSink& sink) {
                                          return send_parts(*shared, sink);
                                      });
        return;
    }
    response.set_chunked_content_provider(type, [shared](std::size_t, httplib::DataSink& sink) {
        if (is(*shared, Kind::endless)) return send_without_end(*shared, sink);
        if (!send_parts(*shared, sink)) return false;
        sink.done();
        return true;
    });
}

}  // namespace practice_model
