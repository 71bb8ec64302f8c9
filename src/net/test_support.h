// For net/'s own tests: a loop on a thread, and tasks run on it to their end.
#pragma once

#include "base/task.h"
#include "net/test_script.h"
#include "net/tls.h"
#include "net/wire.h"

#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

namespace posthouse::net {

inline Deadline soon(Duration patience) { return {std::chrono::steady_clock::now() + patience}; }

template <class T> T run(Loop& loop, Task<T> task)
{
    return asio::co_spawn(loop.executor(), std::move(task), asio::use_future).get();
}

class Folder {
public:
    Folder()
    {
        char name[] = "/tmp/posthouse-net-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

inline TlsContext::Files self_signed(const Folder& folder, const std::string& name,
                                     const std::vector<std::string>& names)
{
    const TlsContext::Files files{folder / (name + ".pem"), folder / (name + ".key")};
    const Result<void> made = make_self_signed(names, files, 30);
    EXPECT_TRUE(made) << made.error().text;
    return files;
}

// Reads until `count` bytes are there, takes them away and gives them back.
inline Task<std::string> take(Wire& wire, std::size_t count)
{
    while (wire.input().size() < count) {
        const Result<void> filled = co_await wire.fill(patient(), std::max<std::size_t>(count, 64 * 1024));
        if (!filled)
            co_return "error: " + filled.error().text;
    }
    std::string taken(wire.input().substr(0, count));
    wire.consume(count);
    co_return taken;
}

}  // namespace posthouse::net
