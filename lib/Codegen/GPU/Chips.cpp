//===- Chips.cpp - The table of chips -------------------------------------===//

#include "winnow/Codegen/GPU/Target.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace winnow::gpu {

/// Shared memory that a block may have, from the CUDA programming guide's table of
/// compute capabilities.
static constexpr Chip kTable[] = {
    {"sm_80", 80, 80, 163 * 1024, false}, {"sm_86", 86, 80, 99 * 1024, false},
    {"sm_89", 89, 80, 99 * 1024, false},  {"sm_90a", 90, 80, 227 * 1024, true},
    {"sm_100", 100, 86, 227 * 1024, false},
};

std::optional<Chip> getChip(StringRef name) {
  for (const Chip &chip : kTable)
    if (chip.name == name)
      return chip;
  return std::nullopt;
}

Expected<std::vector<Chip>> parseChips(StringRef list) {
  std::vector<Chip> chips;
  SmallVector<StringRef> names;
  list.split(names, ',');
  for (StringRef name : names) {
    std::optional<Chip> chip = getChip(name);
    if (!chip)
      return createStringError("expected --chip " + kChips + ", got '" + name + "'");
    for (const Chip &other : chips)
      if (other.name == chip->name)
        return createStringError("expected each chip of --chip once, got " + name +
                                 " twice in '" + list + "'");
    chips.push_back(*chip);
  }
  llvm::sort(chips, [](const Chip &a, const Chip &b) { return a.compute > b.compute; });
  return chips;
}

std::optional<Precision> parsePrecision(StringRef name) {
  return StringSwitch<std::optional<Precision>>(name)
      .Case("fp32", Precision::FP32)
      .Case("tf32", Precision::TF32)
      .Case("bf16", Precision::BF16)
      .Case("fp16", Precision::FP16)
      .Default(std::nullopt);
}

StringRef stringifyPrecision(Precision precision) {
  switch (precision) {
  case Precision::FP32:
    return "fp32";
  case Precision::TF32:
    return "tf32";
  case Precision::BF16:
    return "bf16";
  case Precision::FP16:
    return "fp16";
  }
  llvm_unreachable("unknown precision");
}

} // namespace winnow::gpu
