// The operator's commands: domains, accounts, aliases, routes, explain, status, index, trace, check, backup, restore,
// import, export.
// Each asks the running server, or opens its closed store (app/admin_client.h).
#pragma once

#include <span>
#include <string>

namespace posthouse::app {

int domain_command(std::span<const std::string> arguments);
int account_command(std::span<const std::string> arguments);
int alias_command(std::span<const std::string> arguments);
int route_command(std::span<const std::string> arguments);
int explain_command(std::span<const std::string> arguments);
int status_command(std::span<const std::string> arguments);
int index_command(std::span<const std::string> arguments);
int check_command(std::span<const std::string> arguments);
int trace_command(std::span<const std::string> arguments);
int backup_command(std::span<const std::string> arguments);
int restore_command(std::span<const std::string> arguments);
int import_command(std::span<const std::string> arguments);
int export_command(std::span<const std::string> arguments);

}  // namespace posthouse::app
