#include "app/admin_client.h"

#include "app/household.h"
#include "app/run_blocking.h"

#include <cstdlib>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

constexpr auto call_patience = 1h;  // a backup or a check of a large store takes its time
constexpr std::size_t most_answer = 256 * 1024 * 1024;
constexpr int most_tries = 25;
constexpr auto pause_between_tries = 200ms;
constexpr std::string_view server_folder = "/var/lib/posthouse";
constexpr const char* first_house = "north";  // of the lab

Task<Result<net::HttpResponse>> call_socket(std::string path, net::HttpRequest request, const Clock& clock)
{
    Result<net::Wire> wire = co_await net::connect_unix(std::move(path), Deadline::in(clock, 5s));
    if (!wire)
        co_return fail(wire.error());
    co_return co_await net::call_http(*wire, std::move(request), Deadline::in(clock, call_patience), most_answer);
}

class SocketClient final : public AdminClient {
public:
    explicit SocketClient(std::string path) : path_(std::move(path)) { }
    Result<net::HttpResponse> call(net::HttpRequest request) override
    {
        return run_blocking(loops_[0], call_socket(path_, std::move(request), clock_));
    }
    bool is_running_server() const override { return true; }

private:
    std::string path_;
    SystemClock clock_;
    Loops loops_{1};
};

// Nobody serves: the command opens the store and calls the same API in its own process.
class StoreClient final : public AdminClient {
public:
    static Result<std::unique_ptr<AdminClient>> open(const std::string& data_folder)
    {
        auto client = std::make_unique<StoreClient>();
        Settings settings;
        settings.hostname = "localhost";
        settings.data = data_folder;
        settings.threads = 1;
        Result<std::unique_ptr<Household>> household =
            Household::open(settings, client->loops_, *client->log_, nullptr);
        if (!household)
            return fail(household.error());
        client->household_ = std::move(*household);
        return client;
    }
    Result<net::HttpResponse> call(net::HttpRequest request) override
    {
        return household_->run(household_->api().handle(std::move(request)));
    }
    bool is_running_server() const override { return false; }

private:
    std::unique_ptr<Log> log_ = make_log(LogLevel::warning, LogFormat::text);
    Loops loops_{1};
    std::unique_ptr<Household> household_;
};

Result<std::unique_ptr<AdminClient>> ask_server(const std::string& data_folder)
{
    auto client = std::make_unique<SocketClient>(socket_path(data_folder));
    net::HttpRequest probe;
    probe.method = "GET";
    probe.path = {"v1", "status"};
    const Result<net::HttpResponse> answer = client->call(std::move(probe));
    if (answer)
        return client;
    if (answer.error() == ErrorCode::not_permitted)
        return fail(ErrorCode::not_permitted,
                    fmt::format("{} belongs to another user: run this as root or as that user", data_folder));
    return fail(answer.error());
}

}  // namespace

Result<json::object> AdminClient::ask(std::string method, std::vector<std::string> path, const json::object& body,
                                      std::map<std::string, std::string> query)
{
    net::HttpRequest request;
    request.method = std::move(method);
    request.path = {"v1"};
    request.path.insert(request.path.end(), path.begin(), path.end());
    request.query = std::move(query);
    request.body = body.empty() ? "" : json::serialize(body);
    if (request.method != "GET" && request.method != "DELETE" && body.empty())
        request.body = "{}";
    const Result<net::HttpResponse> response = call(std::move(request));
    if (!response)
        return fail(response.error());
    boost::system::error_code error;
    json::value value = json::parse(response->body, error);
    if (error || !value.is_object())
        return fail(ErrorCode::malformed, fmt::format("the server answered {} without a document", response->status));
    if (response->status < 400)
        return std::move(value.as_object());
    const json::value* detail = value.as_object().if_contains("detail");
    const json::value* type = value.as_object().if_contains("type");
    Error refused{ErrorCode::internal, "refused"};
    if (detail != nullptr && detail->is_string())
        refused.text = std::string(detail->as_string());
    for (int code = 0; type != nullptr && type->is_string() && code <= static_cast<int>(ErrorCode::internal); ++code)
        if (type->as_string() == to_string(static_cast<ErrorCode>(code)))
            refused.code = static_cast<ErrorCode>(code);
    return fail(std::move(refused));
}

std::string socket_path(const std::string& data_folder) { return data_folder + "/console.sock"; }

std::string lab_folder()
{
    const char* state = std::getenv("XDG_STATE_HOME");
    const char* home = std::getenv("HOME");
    const std::string base = state != nullptr && *state != '\0' ? std::string(state)
        : home != nullptr && *home != '\0'                      ? std::string(home) + "/.local/state"
                                                                : std::string("/tmp");
    return base + "/posthouse/lab";
}

namespace {

std::string named_folder(const std::string& given, const std::string& house)
{
    if (!given.empty())
        return given;
    if (const char* from_environment = std::getenv("POSTHOUSE_DATA"); from_environment && *from_environment)
        return from_environment;
    std::error_code ignored;
    if (house.empty() && std::filesystem::is_directory(server_folder, ignored))
        return std::string(server_folder);
    return lab_folder();
}

}  // namespace

std::string data_folder_of(const std::string& given, const std::string& house)
{
    const std::string folder = named_folder(given, house);
    const std::string in_lab = folder + "/" + (house.empty() ? first_house : house);
    std::error_code ignored;
    const bool is_lab = !house.empty() || std::filesystem::is_directory(in_lab, ignored);
    return is_lab ? in_lab : folder;
}

Result<std::unique_ptr<AdminClient>> open_admin(const std::string& data_folder)
{
    std::error_code error;
    if (!std::filesystem::is_directory(data_folder, error))
        return fail(ErrorCode::not_found,
                    fmt::format("there is no data folder {}; name it by --data, or start the lab first: posthouse lab",
                                data_folder));
    for (int tries = 0;; ++tries) {
        Result<std::unique_ptr<AdminClient>> server = ask_server(data_folder);
        if (server || server.error() == ErrorCode::not_permitted)
            return server;
        Result<std::unique_ptr<AdminClient>> store = StoreClient::open(data_folder);
        // Somebody holds the store and does not answer yet: a server that is about to serve.
        if (store || store.error() != ErrorCode::already_exists || tries == most_tries)
            return store;
        std::this_thread::sleep_for(pause_between_tries);
    }
}

}  // namespace posthouse::app
