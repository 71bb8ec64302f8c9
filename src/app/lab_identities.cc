#include "app/lab_identities.h"

#include "mua/identity.h"

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

Result<void> write_lab_identities(const House& house, const std::string& data, const std::string& certificate,
                                  const std::vector<LabPerson>& people, const std::string& password)
{
    mua::Identities identities;
    for (const LabPerson& person : people)
        identities.list.push_back({.address = person.address,
                                   .name = person.name,
                                   .password = password,
                                   .imap = server_at(house, Door::imaps),
                                   .pop3 = server_at(house, Door::pop3s),
                                   .submission = server_at(house, Door::submissions),
                                   .certificate = certificate});
    return mua::write_identities(mua::lab_identities_file(data), identities);
}

}  // namespace posthouse::app
