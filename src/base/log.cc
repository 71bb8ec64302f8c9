#include "base/log.h"

#include "base/text.h"
#include "base/time.h"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace posthouse {

namespace {

constexpr std::string_view name_of(LogLevel level)
{
    switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
    case LogLevel::alarm: return "alarm";
    }
    return "?";
}

spdlog::level::level_enum spdlog_level(LogLevel level)
{
    switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::alarm: return spdlog::level::critical;
    }
    return spdlog::level::critical;
}

// A value is quoted where a reader could not tell its end otherwise.
std::string quoted(std::string_view value, bool always)
{
    std::string safe = printable(value);
    const bool plain = !always && !safe.empty() && safe.find_first_of(" \"=\\") == std::string::npos;
    if (plain)
        return safe;
    std::string out = "\"";
    for (const char c : safe) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + '"';
}

class SpdLog final : public Log {
public:
    SpdLog(LogLevel least, LogFormat format, const std::string& file) :
        format_(format),
        logger_("posthouse",
                file.empty()
                    ? std::static_pointer_cast<spdlog::sinks::sink>(std::make_shared<spdlog::sinks::stderr_sink_mt>())
                    : std::make_shared<spdlog::sinks::basic_file_sink_mt>(file))
    {
        logger_.set_level(spdlog_level(least));
        logger_.set_pattern("%v");
        logger_.flush_on(spdlog::level::debug);
    }

    void write(LogLevel level, std::string_view room, Id id, std::string_view what,
               std::initializer_list<LogField> fields) override
    {
        if (!logger_.should_log(spdlog_level(level)))
            return;
        const std::string now = rfc3339_date(clock_.now());
        const bool json = format_ == LogFormat::json;
        std::string line = json ? fmt::format(R"({{"time":"{}","level":"{}","room":{},"what":{})", now, name_of(level),
                                              quoted(room, true), quoted(what, true))
                                : fmt::format("{} {} {}: {}", now, name_of(level), room, printable(what));
        if (id != 0)
            line += json ? fmt::format(R"(,"id":"{}")", id_text(id)) : fmt::format(" id={}", id_text(id));
        for (const LogField& field : fields)
            line += json ? fmt::format(",{}:{}", quoted(field.key, true), quoted(field.value, true))
                         : fmt::format(" {}={}", field.key, quoted(field.value, false));
        if (json)
            line += '}';
        logger_.log(spdlog_level(level), line);
    }

private:
    SystemClock clock_;
    LogFormat format_;
    spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<Log> make_log(LogLevel least, LogFormat format, const std::string& file)
{
    return std::make_unique<SpdLog>(least, format, file);
}

}  // namespace posthouse
