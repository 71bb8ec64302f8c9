// Reports of delivery: no crash; what is written is ASCII where it says so, holds no stray control, and is read
// back as the same, in both forms.
#include "message/dsn.h"

#include "base/text.h"

#include <cstdlib>

using namespace posthouse;
using namespace posthouse::message;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

// No address is so long that it is cut, perhaps within an escape.
bool is_short(const DeliveryStatus& status)
{
    constexpr std::size_t longest = 60;
    for (const RecipientStatus& recipient : status.recipients)
        if (recipient.original_recipient.text.size() > longest || recipient.final_recipient.text.size() > longest)
            return false;
    return true;
}

void check(const DeliveryStatus& status, StatusForm form)
{
    const std::string written = write_delivery_status(status, form);
    require(form == StatusForm::utf8 || is_ascii(written));
    require(is_valid_utf8(written));
    for (std::size_t i = 0; i < written.size(); ++i)
        if (written[i] == '\r')
            require(i + 1 < written.size() && written[i + 1] == '\n');
        else if (written[i] == '\n')
            require(i > 0 && written[i - 1] == '\r');
        else
            require(!is_control(written[i]));
    const auto again = parse_delivery_status(written);
    require(again && again->recipients.size() == status.recipients.size());
    if (is_short(status))
        require(write_delivery_status(*again, form) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto status = parse_delivery_status({reinterpret_cast<const char*>(data), size});
    if (!status)
        return 0;
    check(*status, StatusForm::ascii);
    check(*status, StatusForm::utf8);
    return 0;
}
