// The mail client's commands: their options, over mua/.
#pragma once

#include <span>
#include <string>

namespace posthouse::app {

int login_command(std::span<const std::string> arguments);
int send_command(std::span<const std::string> arguments);
int unsend_command(std::span<const std::string> arguments);
int inbox_command(std::span<const std::string> arguments);
int search_command(std::span<const std::string> arguments);
int read_command(std::span<const std::string> arguments);
int reply_command(std::span<const std::string> arguments);
int forward_command(std::span<const std::string> arguments);
int move_command(std::span<const std::string> arguments);
int delete_command(std::span<const std::string> arguments);
int flag_command(std::span<const std::string> arguments);
int folders_command(std::span<const std::string> arguments);
int watch_command(std::span<const std::string> arguments);
int test_command(std::span<const std::string> arguments);

// The program under the names of other programs: "sendmail", "mail", "mailx".
bool is_other_program(const std::string& name);
int run_as_other_program(const std::string& name, std::span<const std::string> arguments);

}  // namespace posthouse::app
