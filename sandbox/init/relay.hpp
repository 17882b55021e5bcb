#pragma once

#include <cstddef>
#include <cstdint>

/// A port of 127.0.0.1 whose connections lead to a Unix socket. Bytes are carried both ways as they are; what
/// they mean is known at the other end of the door only.
namespace init {

/// One way of a connection.
struct Flow {
    std::size_t begin, end;  ///< of what is read and not yet written
    bool ended;              ///< nothing more comes
    bool passed;             ///< and the other side knows
};

/// All zero is an empty place.
struct Connection {
    bool used;
    bool through;        ///< connected to the door
    bool busy;           ///< was left with work to do, for the sake of the others
    bool deaf;           ///< the door hears no more: what the program still sends is thrown away
    int attempts;        ///< to get through to a door that has too many callers
    std::int64_t until;  ///< of a deaf one that has all its answer: closed then at the latest
    int client, door;
    Flow up, down;
};

inline constexpr std::size_t buffer_bytes = 64 << 10;

/// For static storage, where it is all zero from the start and its buffers cost no memory before they are
/// used.
class Relay {
 public:
    /// Connections beyond these wait in the kernel's queue until one ends.
    static constexpr int most_connections = 128;

    /// Listens. Everything it will wait for is put into `epoll`, with `data.ptr` for `take`. False and errno
    /// on failure. `door` must outlive it.
    [[nodiscard]] bool open(const char* door, int port, int epoll);

    /// Something happened at what `data.ptr` of an event says.
    void take(void* place);

    /// After the events of one turn: what remains to be done. Milliseconds until it wants to be called again
    /// though nothing has happened; -1: it does not.
    [[nodiscard]] int turn();

 private:
    void accept_callers();
    void call_door(Connection& connection);
    void carry_both(Connection& connection);

    const char* door_;
    int epoll_;
    int listener_;
    std::int64_t again_at_;  ///< when what the kernel does not tell of is tried again
    bool callers_;           ///< some may wait to be accepted
    bool tired_;             ///< descriptors or memory are used up: accepting is tried again later
    Connection connections_[most_connections];
    char buffers_[most_connections][2][buffer_bytes];  ///< up, down
};

}  // namespace init
