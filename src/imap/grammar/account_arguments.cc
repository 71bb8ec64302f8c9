// Quotas (RFC 9208), rights (RFC 4314), metadata (RFC 5464), batches of UIDs (RFC 10022), compression (RFC 4978).
#include "imap/grammar/command_arguments.h"
#include "imap/grammar/lexemes.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

constexpr std::size_t most_entries = 100;
constexpr std::size_t most_limits = 10;

// RFC 5464 section 4: entries begin with a slash; no wildcards, no empty levels, nothing but 7-bit text.
std::optional<std::string> entry_name(Cursor& in)
{
    std::optional<std::string> name = astring(in);
    if (!name || !name->starts_with('/') || name->ends_with('/') || name->find("//") != std::string::npos)
        return std::nullopt;
    const auto is_plain = [](char c) {
        return !is_control(c) && static_cast<unsigned char>(c) < 0x80 && c != '*' && c != '%';
    };
    if (!std::ranges::all_of(*name, is_plain))
        return std::nullopt;
    return to_lower(*name);
}

// value = nstring / literal8
std::optional<std::optional<std::string>> metadata_value(Cursor& in)
{
    if (in.peek() == '~')
        in.take('~');
    return nstring(in);
}

// getmetadata-option = "MAXSIZE" SP number / "DEPTH" SP ("0" / "1" / "infinity")
bool metadata_option(Cursor& in, GetMetadataArguments& get)
{
    if (take_word(in, "MAXSIZE")) {
        get.most_size = in.take(' ') ? number64(in) : std::nullopt;
        return get.most_size.has_value();
    }
    if (!take_word(in, "DEPTH") || !in.take(' '))
        return false;
    if (take_word(in, "infinity"))
        get.depth = GetMetadataArguments::most_depth;
    else if (take_word(in, "1"))
        get.depth = 1;
    else if (!take_word(in, "0"))
        return false;
    return true;
}

// A mailbox, and an identifier behind it.
Parsed<AclArguments> mailbox_and_identifier(CommandCursor& in)
{
    AclArguments acl;
    auto name = in.take(' ') ? mailbox_name(in) : misfit("a mailbox name is missing");
    if (!name)
        return std::unexpected(name.error());
    acl.mailbox = std::move(*name);
    auto identifier = in.take(' ') ? astring(in) : std::nullopt;
    if (!identifier)
        return misfit("an identifier is missing");
    acl.identifier = std::move(*identifier);
    return acl;
}

}  // namespace

std::optional<std::vector<std::string>> metadata_entries(Cursor& in)
{
    std::vector<std::string> entries;
    const bool several = in.take('(');
    do {
        auto entry = entry_name(in);
        if (!entry || entries.size() == most_entries)
            return std::nullopt;
        entries.push_back(std::move(*entry));
    } while (several && in.take(' '));
    if (several && !in.take(')'))
        return std::nullopt;
    return entries;
}

// getquota = "GETQUOTA" SP quota-root-name
Parsed<Arguments> get_quota_arguments(CommandCursor& in)
{
    auto root = in.take(' ') ? astring(in) : std::nullopt;
    if (!root)
        return misfit("a quota root is missing");
    return QuotaArguments{std::move(*root), {}};
}

// setquota = "SETQUOTA" SP quota-root-name SP "(" [resource SP limit *(SP resource SP limit)] ")"
Parsed<Arguments> set_quota_arguments(CommandCursor& in)
{
    auto root = in.take(' ') ? astring(in) : std::nullopt;
    if (!root || !in.take(" ("))
        return misfit("a quota root and limits are missing");
    QuotaArguments quota{std::move(*root), {}};
    while (!in.take(')')) {
        const auto resource = atom(in);
        const auto limit = resource && in.take(' ') ? number64(in) : std::nullopt;
        if (!limit || quota.limits.size() == most_limits)
            return misfit("not a list of limits");
        quota.limits.emplace_back(to_upper(*resource), *limit);
        if (!in.take(' ') && in.peek() != ')')
            return misfit("the limits are not closed");
    }
    return quota;
}

// setacl = "SETACL" SP mailbox SP identifier SP mod-rights
Parsed<Arguments> set_acl_arguments(CommandCursor& in)
{
    auto acl = mailbox_and_identifier(in);
    if (!acl)
        return std::unexpected(acl.error());
    auto rights = in.take(' ') ? astring(in) : std::nullopt;
    if (!rights)
        return misfit("rights are missing");
    acl->rights = std::move(*rights);
    return std::move(*acl);
}

// deleteacl = "DELETEACL" SP mailbox SP identifier; listrights = "LISTRIGHTS" SP mailbox SP identifier
Parsed<Arguments> identifier_arguments(CommandCursor& in)
{
    auto acl = mailbox_and_identifier(in);
    if (!acl)
        return std::unexpected(acl.error());
    return std::move(*acl);
}

// getmetadata = "GETMETADATA" [SP "(" options ")"] SP mailbox SP entries; the options may stand behind the mailbox,
// where the RFC's own examples have them.
Parsed<Arguments> get_metadata_arguments(CommandCursor& in)
{
    GetMetadataArguments get;
    const auto options = [&in, &get] {
        if (!in.rest().starts_with(" (") || in.rest().starts_with(" (/") || in.rest().starts_with(" (\"/"))
            return true;
        in.take(" (");
        do {
            if (!metadata_option(in, get))
                return false;
        } while (in.take(' '));
        return in.take(')');
    };
    if (!options())
        return misfit("unknown option");
    auto name = in.take(' ') ? mailbox_name(in) : misfit("a mailbox name is missing");
    if (!name)
        return std::unexpected(name.error());
    get.mailbox = std::move(*name);
    if (!options() || !in.take(' '))
        return misfit("entries are missing");
    auto entries = metadata_entries(in);
    if (!entries)
        return misfit("not a list of entries like /private/comment");
    get.entries = std::move(*entries);
    return get;
}

// setmetadata = "SETMETADATA" SP mailbox SP "(" entry SP value *(SP entry SP value) ")"
Parsed<Arguments> set_metadata_arguments(CommandCursor& in)
{
    SetMetadataArguments set;
    auto name = in.take(' ') ? mailbox_name(in) : misfit("a mailbox name is missing");
    if (!name)
        return std::unexpected(name.error());
    set.mailbox = std::move(*name);
    if (!in.take(" ("))
        return misfit("entries and values are missing");
    do {
        auto entry = entry_name(in);
        auto value = entry && in.take(' ') ? metadata_value(in) : std::nullopt;
        if (!value || set.entries.size() == most_entries)
            return misfit("not a list of entries and values");
        set.entries.emplace_back(std::move(*entry), std::move(*value));
    } while (in.take(' '));
    if (!in.take(')'))
        return misfit("the entries are not closed");
    return set;
}

// uidbatches = "UIDBATCHES" SP nz-number [SP nz-number ":" nz-number]
Parsed<Arguments> uid_batches_arguments(CommandCursor& in)
{
    UidBatchesArguments batches;
    const auto size = in.take(' ') ? nz_number(in) : std::nullopt;
    if (!size)
        return misfit("the size of a batch is missing");
    batches.size = *size;
    if (!in.take(' '))
        return batches;
    const auto first = nz_number(in);
    const auto last = first && in.take(':') ? nz_number(in) : std::nullopt;
    if (!last)
        return misfit("not a range of batches");
    batches.first = *first;
    batches.last = *last;
    return batches;
}

// compress = "COMPRESS" SP algorithm
Parsed<Arguments> compress_arguments(CommandCursor& in)
{
    const auto mechanism = in.take(' ') ? atom(in) : std::nullopt;
    if (!mechanism)
        return misfit("a mechanism is missing");
    return CompressArguments{to_upper(*mechanism)};
}

}  // namespace posthouse::imap
