// Blocks: up to 128 consecutive UIDs packed into one row (docs/store-layout.md, "Block").
//
// Reading is a hot path: a mailbox of 1,000,000 messages is 8,000 of these. Pure; threads: any.
#pragma once

#include "mailbox/types.h"

namespace posthouse::mailbox {

// The most bytes a block can take when written: what a batch sets aside for one that it touches.
inline constexpr std::size_t largest_block = block_span * 75 + 1;

constexpr Uid block_of(Uid uid) { return uid / block_span; }

std::string write_block(const Block& block);
// corrupt: anything that write_block() does not write; also UIDs out of order or outside the block.
Result<std::shared_ptr<const Block>> read_block(Uid number, std::string_view value);

}  // namespace posthouse::mailbox
