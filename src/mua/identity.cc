#include "mua/identity.h"

#include "base/text.h"

#include <boost/json.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace posthouse::mua {

namespace json = boost::json;

namespace {

constexpr std::size_t most_file = 16 * 1024 * 1024;
constexpr std::array<std::string_view, 4> security_names{"automatic", "tls", "starttls", "none"};

std::string home_folder(const char* variable, std::string_view below_home)
{
    const char* set = std::getenv(variable);
    if (set != nullptr && *set == '/')  // the XDG specification: relative ones are to be ignored
        return set;
    const char* home = std::getenv("HOME");
    return fmt::format("{}/{}", home != nullptr && *home != '\0' ? home : "/tmp", below_home);
}

std::string text_at(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

ServerAt server_from(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_object())
        return {};
    ServerAt at;
    at.host = text_at(value->as_object(), "host");
    if (const json::value* port = value->as_object().if_contains("port"); port != nullptr && port->is_int64())
        at.port = port->as_int64() > 0 && port->as_int64() < 65536 ? static_cast<std::uint16_t>(port->as_int64())
                                                                   : std::uint16_t{0};
    at.security = parse_security(text_at(value->as_object(), "security")).value_or(Security::automatic);
    return at;
}

void put(json::object& object, std::string_view name, const std::string& text)
{
    if (!text.empty())
        object[name] = text;
}

void put(json::object& object, std::string_view name, const ServerAt& at)
{
    if (at.known())
        object[name] = json::object{{"host", at.host}, {"port", at.port}, {"security", to_string(at.security)}};
}

Error file_error(std::string_view what, const std::string& file, int number)
{
    const ErrorCode code = number == ENOENT   ? ErrorCode::not_found
        : number == EACCES || number == EPERM ? ErrorCode::not_permitted
        : number == ENOSPC                    ? ErrorCode::no_space
                                              : ErrorCode::io;
    return {code, fmt::format("cannot {} {}: {}", what, file, std::generic_category().message(number))};
}

// A descriptor that closes itself.
class File {
public:
    explicit File(int descriptor) : descriptor_(descriptor) { }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File()
    {
        if (descriptor_ >= 0)
            ::close(descriptor_);
    }
    operator int() const { return descriptor_; }

private:
    int descriptor_;
};

Result<void> write_all(int descriptor, std::string_view text, const std::string& file)
{
    while (!text.empty()) {
        const ssize_t count = ::write(descriptor, text.data(), text.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail(file_error("write", file, errno));
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::fsync(descriptor) != 0)
        return fail(file_error("write", file, errno));
    return {};
}

}  // namespace

std::string_view to_string(Security security) { return security_names[static_cast<std::size_t>(security)]; }

std::optional<Security> parse_security(std::string_view text)
{
    for (std::size_t i = 0; i < security_names.size(); ++i)
        if (equals_ignoring_case(text, security_names[i]))
            return static_cast<Security>(i);
    return std::nullopt;
}

std::string ServerAt::text() const
{
    const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port == 0 ? shown : fmt::format("{}:{}", shown, port);
}

Result<ServerAt> parse_server(std::string_view text)
{
    const auto refused = [&] {
        return fail(
            ErrorCode::malformed,
            fmt::format("\"{}\" is no server: write mail.example.org, mail.example.org:993 or [2001:db8::1]:993",
                        printable(text, 100)));
    };
    ServerAt at;
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos || (end + 1 < text.size() && text[end + 1] != ':'))
            return refused();
        at.host = text.substr(1, end - 1);
        port = end + 1 < text.size() ? text.substr(end + 2) : std::string_view();
        if (end + 1 < text.size() && port.empty())
            return refused();
    } else if (const std::size_t colon = text.find(':'); colon == text.rfind(':') && colon != std::string_view::npos) {
        at.host = text.substr(0, colon);
        port = text.substr(colon + 1);
        if (port.empty())
            return refused();
    } else {
        at.host = text;  // a name, or a bare IPv6 address
    }
    const bool odd = at.host.empty() || at.host.size() > 255 || std::ranges::any_of(at.host, [](char c) {
                         return is_control(c) || c == ' ' || c == '/' || c == '@' || c == '[' || c == ']';
                     });
    if (odd)
        return refused();
    if (!port.empty()) {
        const std::optional<std::uint16_t> number = parse_number<std::uint16_t>(port);
        if (!number || *number == 0)
            return refused();
        at.port = *number;
    }
    return at;
}

Identity* Identities::find(std::string_view address)
{
    for (Identity& identity : list)
        if (equals_ignoring_case(identity.address, address))
            return &identity;
    return nullptr;
}

const Identity* Identities::find(std::string_view address) const
{
    return const_cast<Identities*>(this)->find(address);
}

Result<Identities> parse_identities(std::string_view text, const std::string& name)
{
    boost::system::error_code error;
    const json::value document = json::parse({text.data(), text.size()}, error);
    if (error || !document.is_object())
        return fail(ErrorCode::malformed, fmt::format("{} is not a JSON document", name));
    Identities all;
    all.standard = text_at(document.as_object(), "default");
    const json::value* list = document.as_object().if_contains("identities");
    if (list == nullptr || !list->is_array())
        return fail(ErrorCode::malformed, fmt::format("{} has no list \"identities\"", name));
    for (const json::value& value : list->as_array()) {
        if (!value.is_object() || text_at(value.as_object(), "address").empty())
            return fail(ErrorCode::malformed, fmt::format("{} has an identity without an \"address\"", name));
        const json::object& object = value.as_object();
        all.list.push_back({.address = text_at(object, "address"),
                            .name = text_at(object, "name"),
                            .user = text_at(object, "user"),
                            .password = text_at(object, "password"),
                            .imap = server_from(object, "imap"),
                            .pop3 = server_from(object, "pop3"),
                            .submission = server_from(object, "submission"),
                            .certificate = text_at(object, "certificate")});
    }
    return all;
}

std::string identities_text(const Identities& identities)
{
    json::array list;
    for (const Identity& identity : identities.list) {
        json::object object;
        put(object, "address", identity.address);
        put(object, "name", identity.name);
        put(object, "user", identity.user);
        put(object, "password", identity.password);
        put(object, "imap", identity.imap);
        put(object, "pop3", identity.pop3);
        put(object, "submission", identity.submission);
        put(object, "certificate", identity.certificate);
        list.push_back(std::move(object));
    }
    json::object document;
    put(document, "default", identities.standard);
    document["identities"] = std::move(list);
    return json::serialize(document) + "\n";
}

Result<std::string> read_small_file(const std::string& file)
{
    const File descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (descriptor < 0)
        return fail(file_error("read", file, errno));
    std::string text;
    char piece[16 * 1024];
    for (;;) {
        const ssize_t count = ::read(descriptor, piece, sizeof piece);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail(file_error("read", file, errno));
        if (count == 0)
            return text;
        text.append(piece, static_cast<std::size_t>(count));
        if (text.size() > most_file)
            return fail(ErrorCode::too_large, fmt::format("{} is too large", file));
    }
}

Result<Identities> read_identities(const std::string& file)
{
    struct stat facts{};
    if (::stat(file.c_str(), &facts) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return Identities{};
        return fail(file_error("read", file, errno));
    }
    if ((facts.st_mode & 077) != 0)
        return fail(ErrorCode::not_permitted,
                    fmt::format("{} holds passwords and may be read by others; say: chmod 600 {}", file, file));
    const Result<std::string> text = read_small_file(file);
    if (!text)
        return fail(text.error());
    return parse_identities(*text, file);
}

Result<void> write_private_file(const std::string& file, std::string_view text)
{
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error)) {
        std::filesystem::create_directories(folder, error);
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    }
    const std::string fresh = fmt::format("{}.{}.new", file, ::getpid());
    {
        const File descriptor(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (descriptor < 0)
            return fail(file_error("write", fresh, errno));
        ::fchmod(descriptor, 0600);
        if (const Result<void> written = write_all(descriptor, text, fresh); !written) {
            ::unlink(fresh.c_str());
            return written;
        }
    }
    if (::rename(fresh.c_str(), file.c_str()) != 0) {
        const int number = errno;
        ::unlink(fresh.c_str());
        return fail(file_error("write", file, number));
    }
    return {};
}

Result<void> write_identities(const std::string& file, const Identities& identities)
{
    return write_private_file(file, identities_text(identities));
}

std::string own_identities_file() { return home_folder("XDG_CONFIG_HOME", ".config") + "/posthouse/mail.json"; }

std::string lab_identities_file(const std::string& data_folder) { return data_folder + "/mail.json"; }

}  // namespace posthouse::mua
