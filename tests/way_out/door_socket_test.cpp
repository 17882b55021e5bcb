#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/way_out/egress_stage.hpp"

/// The socket itself: who may come, what is there already, how it ends.

namespace {

namespace fs = std::filesystem;
using egress_stage::Caller;
using egress_stage::eventually;
using egress_stage::Scene;

struct stat status_of(const fs::path& path) {
    struct stat status{};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status;
}

std::string refusal_to_open(const fs::path& directory) {
    const auto made = sandbox::DoorFiles::make(directory, {});
    return made ? "" : made.error().message;
}

}  // namespace

TEST_CASE(
    "the door's folder can be passed through but not listed, and its socket is the sandbox user's alone") {
    const auto mask = ::umask(0077);
    Scene scene;
    scene.open();
    ::umask(mask);
    const auto folder = status_of(scene.directory());
    CHECK((folder.st_mode & 07777U) == 0711);
    CHECK(folder.st_uid == ::geteuid());
    const auto socket = status_of(scene.directory() / "door.sock");
    CHECK(S_ISSOCK(socket.st_mode));
    CHECK((socket.st_mode & 07777U) == 0600);
    CHECK(socket.st_uid == sandbox::sandbox_uid());
    CHECK(scene.caller().connected());
}

TEST_CASE("whoever is not the sandbox user does not get through the door, not even root") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can be somebody else");
        return;
    }
    Scene scene;
    scene.open();
    CHECK_FALSE(Caller(scene.directory(), 65534).connected());
    // Root passes the file's mode, and is turned away by who it is.
    const Caller root(scene.directory(), 0);
    REQUIRE(root.connected());
    root.say("GET / HTTP/1.1\r\n\r\n");
    CHECK(root.hear().empty());
    const auto lines = scene.lines(1);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["decision"] == "refused");
    CHECK(lines[0]["why"] ==
          fmt::format("user id 0 came to the door, which is for user id {} alone", sandbox::sandbox_uid()));
    CHECK(scene.door->report().refused.empty());
    CHECK_FALSE(scene.answer("GET / HTTP/1.1\r\n\r\n").empty());
}

TEST_CASE("a process of another user is turned away even when it was given an open way to the socket") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can be somebody else");
        return;
    }
    Scene scene;
    scene.open();
    fs::permissions(scene.directory() / "door.sock", fs::perms(0666));
    const auto door = scene.directory().string() + "/door.sock";
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(3);
        const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        door.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(4);
        char byte = 0;
        ::_exit(::recv(socket, &byte, 1, 0) == 0 ? 0 : 5);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(scene.lines(1)[0]["why"].get<std::string>().starts_with("user id 65534 "));
}

TEST_CASE("a path longer than an address of a socket can be is no hindrance") {
    Scene scene;
    auto deep = scene.folder.path();
    for (int i = 0; i < 4; ++i) deep /= std::string(60, 'd');
    fs::create_directories(deep);
    const auto made = sandbox::DoorFiles::make(deep / "door", {});
    REQUIRE_MESSAGE(made, made.error().message);
    CHECK(Caller(deep / "door").connected());
}

TEST_CASE("a door is opened anew in the folder of an earlier one, which a crash may have left") {
    Scene scene;
    scene.open();
    const auto first = status_of(scene.directory() / "door.sock");
    scene.door.reset();
    CHECK(fs::is_socket(scene.folder.path() / "door/door.sock"));
    CHECK_FALSE(Caller(scene.folder.path() / "door").connected());
    scene.open();
    CHECK(scene.caller().connected());
    CHECK(scene.answer("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 403 "));
    CHECK((first.st_mode & 07777U) == 0600);
}

TEST_CASE("what is in the way of the door is named, and left as it is") {
    places::TemporaryFolder folder;
    fs::create_directory(folder.path() / "door");
    places::write(folder.path() / "door/door.sock", "not a socket");
    CHECK(refusal_to_open(folder.path() / "door")
              .contains("door.sock: is in the way of the door and is no socket"));
    CHECK(places::text(folder.path() / "door/door.sock") == "not a socket");

    places::write(folder.path() / "file", "");
    CHECK(refusal_to_open(folder.path() / "file").contains("file: cannot open the folder of the door"));
    fs::create_directory_symlink(folder.path() / "door", folder.path() / "link");
    CHECK(refusal_to_open(folder.path() / "link").contains("cannot open the folder of the door"));
    CHECK(refusal_to_open(folder.path() / "none/door").contains("cannot make the folder of the door"));
    if (::geteuid() == 0) {
        fs::create_directory(folder.path() / "theirs");
        REQUIRE(::chown((folder.path() / "theirs").c_str(), 65534, 65534) == 0);
        CHECK(refusal_to_open(folder.path() / "theirs").contains("belongs to user id 65534"));
    }
}

TEST_CASE("a record that cannot be written is told when the door opens") {
    places::TemporaryFolder folder;
    const auto made = sandbox::DoorFiles::make(folder.path() / "door", folder.path() / "none/record");
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().message.contains("none/record: No such file or directory; its folder must be there"));
}

TEST_CASE("more callers than the door serves at one time wait, and are served once others are gone") {
    Scene scene;
    scene.policy.connections = 1;
    scene.policy.patience = std::chrono::seconds(60);
    scene.open();
    std::vector<Caller> silent;
    for (int i = 0; i < 64 + 1; ++i) {
        silent.push_back(scene.caller());
        REQUIRE(silent.back().connected());
    }
    const auto late = scene.caller();
    REQUIRE(late.connected());
    late.say("GET / HTTP/1.1\r\n\r\n");
    silent.erase(silent.begin());
    CHECK(late.hear().starts_with("HTTP/1.1 403 "));
    scene.door.reset();  // the other 64 end with the door
    for (const auto& each : silent) CHECK(each.hear().empty());
}

TEST_CASE("the end of a door ends callers in every state at once") {
    Scene scene;
    scene.policy.patience = std::chrono::hours(1);  // nothing but the end of the door ends them
    scene.open();
    std::vector<Caller> callers;
    for (const auto* said : {"", "CONN", "CONNECT good.exa", "GET http://a.exam"}) {
        callers.push_back(scene.caller());
        REQUIRE(callers.back().connected());
        callers.back().say(said);
    }
    scene.door.reset();
    for (const auto& each : callers) CHECK(each.hear().empty());
}
