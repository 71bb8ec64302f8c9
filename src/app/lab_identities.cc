#include "app/lab_identities.h"

#include "app/lab_plan.h"
#include "mua/identity.h"

#include <fmt/format.h>

namespace posthouse::app {

namespace {

mua::ServerAt server_at(const House& house, Door door)
{
    for (const House::Listening& listening : house.listening())
        if (listening.door == door)
            return {listening.at.address, listening.at.port, mua::Security::tls};
    return {};
}

}  // namespace

Result<void> write_lab_identities(std::span<const std::unique_ptr<House>> houses, const std::string& folder)
{
    mua::Identities identities;
    for (std::size_t i = 0; i < houses.size(); ++i) {
        const LabHousePlan& plan = lab_houses()[i];
        for (const LabPerson& person : plan.people)
            identities.list.push_back({.address = person.address,
                                       .name = person.name,
                                       .password = std::string(lab_password),
                                       .imap = server_at(*houses[i], Door::imaps),
                                       .pop3 = server_at(*houses[i], Door::pop3s),
                                       .submission = server_at(*houses[i], Door::submissions),
                                       .certificate = fmt::format("{}/{}/certificate.pem", folder, plan.name)});
    }
    return mua::write_identities(mua::lab_identities_file(folder), identities);
}

}  // namespace posthouse::app
