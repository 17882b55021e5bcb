#include <atomic>
#include <cerrno>
#include <chrono>
#include <latch>
#include <thread>
#include <vector>

#include "sandbox/layers_tree.hpp"
#include "tests/sandbox/workspace_places.hpp"

using places::fs::path;
using sandbox::Change;
using sandbox::Changes;
using sandbox::Error;
using sandbox::Layering;

namespace {

using Filled = std::expected<void, Error>;

/// A layer of about that many bytes.
auto filled_with(std::size_t bytes) {
    return [bytes](const path& folder) -> Filled {
        places::write(folder / "data", std::string(bytes, 'x'));
        return {};
    };
}

Filled not_made(const path&) { return std::unexpected(Error{Error::Kind::refused, "not there"}); }

}  // namespace

TEST_CASE("two askers of one layer make it once") {
    places::in_both([](places::Open& scene) {
        std::atomic<int> made{0};
        std::latch start(4);
        std::vector<sandbox::SharedLayer> layers(4);
        {
            std::vector<std::jthread> askers;
            for (auto& layer : layers)
                askers.emplace_back([&] {
                    start.arrive_and_wait();
                    layer = scene.workspaces
                                ->layer("shared",
                                        [&](const path& folder) -> Filled {
                                            ++made;
                                            std::this_thread::sleep_for(std::chrono::milliseconds(50));
                                            return filled_with(10)(folder);
                                        })
                                .value();
                });
        }
        CHECK(made == 1);
        for (const auto& layer : layers) CHECK(layer == layers.front());
    });
}

TEST_CASE("different layers are made at the same time") {
    places::in_both([](places::Open& scene) {
        std::latch both(2);
        const auto wait_for_other = [&](const path& folder) -> Filled {
            both.arrive_and_wait();
            return filled_with(1)(folder);
        };
        std::jthread other([&] { CHECK(scene.workspaces->layer("one", wait_for_other)); });
        CHECK(scene.workspaces->layer("two", wait_for_other));
    });
}

TEST_CASE("a layer that could not be made leaves nothing, tells why, and is tried again by the next asker") {
    places::in_both([](places::Open& scene) {
        const auto files = [&] {
            return std::distance(places::fs::directory_iterator(scene.folder.path() / "layers"), {});
        };
        const auto before = files();
        const auto failed = scene.workspaces->layer("x", [](const path& folder) -> Filled {
            places::write(folder / "half", "x");
            return not_made(folder);
        });
        REQUIRE_FALSE(failed);
        CHECK(failed.error().message == "not there");
        CHECK_THROWS(std::ignore = scene.workspaces->layer("x", [](const path&) -> Filled { throw 1; }));
        CHECK(files() == before);
        CHECK(scene.workspaces->layer("x", filled_with(1)));
    });
}

TEST_CASE("layers outlive the process, and what was half-made does not") {
    const places::TemporaryFolder folder;
    {
        const auto first = places::workspaces_in(folder.path(), Layering::copy);
        REQUIRE(first->layer("a", filled_with(5000)));
    }
    places::write(folder.path() / "layers/0123.making/half", "x");
    places::write(folder.path() / "layers/4567/no-facts", "x");
    const auto next = places::workspaces_in(folder.path(), Layering::copy);
    CHECK(next->layer("a", not_made));
    CHECK(next->cache().layers == 1);
    CHECK(next->cache().bytes >= 5000);
    CHECK_FALSE(places::fs::exists(folder.path() / "layers/0123.making"));
    CHECK_FALSE(places::fs::exists(folder.path() / "layers/4567"));
}

TEST_CASE("after the machine lost its power no layer is trusted") {
    const places::TemporaryFolder folder;
    {
        const auto first = places::workspaces_in(folder.path(), Layering::copy);
        REQUIRE(first->layer("a", filled_with(10)));
    }
    places::write(folder.path() / "boot", "another-boot\n");
    const auto next = places::workspaces_in(folder.path(), Layering::copy);
    CHECK(next->cache().layers == 0);
    CHECK(next->layer("a", filled_with(10)));
}

TEST_CASE("the cache drops the least recently used layer first, and never one in use") {
    const places::TemporaryFolder folder;
    const auto workspaces = places::workspaces_in(folder.path(), Layering::copy, 250'000);
    auto oldest = workspaces->layer("oldest", filled_with(100'000));
    REQUIRE(oldest);
    REQUIRE(workspaces->layer("middle", filled_with(100'000)));
    REQUIRE(workspaces->layer("young", filled_with(1000)));
    REQUIRE(workspaces->layer("middle", not_made));  // used again
    CHECK(workspaces->cache().layers == 3);

    const path kept = (*oldest)->path();
    REQUIRE(workspaces->layer("new", filled_with(100'000)));
    CHECK(places::fs::exists(kept / "data"));
    CHECK_FALSE(workspaces->layer("young", not_made));
    CHECK_FALSE(workspaces->layer("middle", not_made));
    CHECK(workspaces->layer("new", not_made));

    *oldest = nullptr;
    REQUIRE(workspaces->layer("newest", filled_with(100'000)));
    CHECK_FALSE(places::fs::exists(kept));
    CHECK(workspaces->cache().bytes <= 250'000);
}

TEST_CASE("a workspace alone keeps its layers from being dropped") {
    places::in_both([](places::Open& scene) {
        const auto layering = scene.workspaces->layering();
        scene.workspace.reset();
        scene.base.reset();
        scene.workspaces.reset();
        const auto tight = places::workspaces_in(scene.folder.path(), layering, 0);
        auto base = tight->layer("base", not_made);
        REQUIRE(base);
        auto workspace = tight->open("run-2", {*base}, {});
        REQUIRE(workspace);
        *base = nullptr;
        tight->evict();
        CHECK(tight->cache().layers == 1);
        workspace->reset();
        tight->evict();
        CHECK(tight->cache().layers == 0);
    });
}

TEST_CASE("who waits for a layer that could not be made makes it himself") {
    places::in_both([](places::Open& scene) {
        std::latch begun(1);
        std::atomic<int> failures{0};
        std::jthread first([&] {
            const auto failed = scene.workspaces->layer("x", [&](const path& folder) -> Filled {
                begun.count_down();
                std::this_thread::sleep_for(std::chrono::milliseconds(200));  // the others wait by now
                return not_made(folder);
            });
            if (!failed) ++failures;
        });
        begun.wait();
        CHECK(scene.workspaces->layer("x", filled_with(1)));
        first.join();
        CHECK(failures == 1);
    });
}

TEST_CASE("a setup layer holds what its run did, removals too, and is made once") {
    places::in_both([](places::Open& scene) {
        int runs = 0;
        const auto setup = [&](sandbox::Workspace& workspace) -> Filled {
            ++runs;
            const path root = workspace.root();
            places::write(root / "vendor/lib.c", "lib\n");
            places::write(root / "README", "rewritten\n");
            places::fs::remove(root / "run.sh");
            places::fs::remove_all(root / "src/deep");
            places::write(root / "src/deep/only.txt", "only\n");  // an opaque folder
            REQUIRE(::mkfifo((root / "pipe").c_str(), 0600) == 0);
            return {};
        };
        for (int time = 0; time < 2; ++time) {
            const auto layer = scene.workspaces->layer_from_run("setup", {scene.base}, {}, setup);
            REQUIRE_MESSAGE(layer, layer.error().message);
            const auto opened = scene.workspaces->open("after-setup", {scene.base, *layer}, {});
            REQUIRE_MESSAGE(opened, opened.error().message);
            const path root = (*opened)->root();
            CHECK(places::text(root / "vendor/lib.c") == "lib\n");
            CHECK(places::text(root / "README") == "rewritten\n");
            CHECK_FALSE(places::fs::exists(root / "run.sh"));
            CHECK_FALSE(places::fs::exists(root / "src/deep/other.txt"));
            CHECK(places::text(root / "src/deep/only.txt") == "only\n");
            CHECK(places::text(root / "src/main.c") == "int main(void) { return 0; }\n");
            CHECK((*opened)->harvest({}).value().empty());

            places::write(root / "README", "again\n");
            places::fs::remove_all(root / "src/deep");
            CHECK((*opened)->harvest({}).value() ==
                  Changes{{"README", Change::Kind::file, "again\n"},
                          {"src/deep/only.txt", Change::Kind::removed, ""}});
        }
        CHECK(runs == 1);
    });
}

TEST_CASE("a setup that fails makes no layer and leaves no workspace") {
    places::in_both([](places::Open& scene) {
        const auto failed = scene.workspaces->layer_from_run(
            "setup", {scene.base}, {}, [](sandbox::Workspace&) -> Filled { return not_made({}); });
        REQUIRE_FALSE(failed);
        CHECK(failed.error().message == "not there");
        CHECK(std::distance(places::fs::directory_iterator(scene.folder.path() / "runs"), {}) == 1);
    });
}

TEST_CASE("a machine that has run out of something is told apart from a run that is refused") {
    CHECK(sandbox::tree::failed("cannot write", "x", ENOSPC).kind == Error::Kind::unavailable);
    CHECK(sandbox::tree::failed("cannot write", "x", EMFILE).kind == Error::Kind::unavailable);
    CHECK(sandbox::tree::failed("cannot write", "x", EACCES).kind == Error::Kind::refused);
}
