// The log, for the operator: one line an event, structured as `key=value` fields.
//
// Threads: any. Values are escaped (base/text.h printable) where they are written, so text from
// outside cannot forge a line. Passwords and message content never come here.
#pragma once

#include "base/ids.h"

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace posthouse {

enum class LogLevel { debug, info, warning, error, alarm };

struct LogField {
    std::string_view key;
    std::string value;
};

class Log {
public:
    virtual ~Log() = default;
    // `room` is the room's folder ("smtp", "mta/queue"); `id` the session's or message's, 0 for none.
    virtual void write(LogLevel level, std::string_view room, Id id, std::string_view what,
                       std::initializer_list<LogField> fields = {}) = 0;
};

class NoLog final : public Log {
public:
    void write(LogLevel, std::string_view, Id, std::string_view, std::initializer_list<LogField>) override { }
};

// By spdlog. To standard error or to a file; `json` for one JSON object a line.
enum class LogFormat { text, json };
std::unique_ptr<Log> make_log(LogLevel least, LogFormat format, const std::string& file = {});

}  // namespace posthouse
