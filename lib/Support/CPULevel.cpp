//===- CPULevel.cpp - The table of instruction-set levels -----------------===//

#include "winnow/Support/CPULevel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/TargetParser/Host.h"

namespace winnow {
namespace {

CPULevel baseline() { return {"x86-64", 16, 16, false}; }
CPULevel avx2() { return {"x86-64-v3", 32, 16, true}; }
CPULevel avx2VNNI() { return {"x86-64-v3-vnni", 32, 16, true, true, "x86-64-v3", "+avxvnni"}; }
CPULevel avx512() { return {"x86-64-v4", 64, 32, true}; }
CPULevel gpuThread() { return {kGPUThread, 4, 32, true}; }
CPULevel avx512VNNI() {
  return {"x86-64-v4-vnni", 64, 32, true, true, "x86-64-v4", "+avx512vnni"};
}

CPULevel native() {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  auto hasAll = [&](llvm::ArrayRef<llvm::StringRef> names) {
    return llvm::all_of(names,
                        [&](llvm::StringRef name) { return host.lookup(name); });
  };
  if (!hasAll({"avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"}))
    return baseline();
  if (!hasAll({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}))
    return host.lookup("avxvnni") ? avx2VNNI() : avx2();
  return host.lookup("avx512vnni") ? avx512VNNI() : avx512();
}

} // namespace

std::optional<CPULevel> getCPULevel(llvm::StringRef name) {
  using Make = CPULevel (*)();
  Make make = llvm::StringSwitch<Make>(name)
                  .Cases({"x86-64", "baseline"}, baseline)
                  .Cases({"x86-64-v3", "avx2"}, avx2)
                  .Case("x86-64-v3-vnni", avx2VNNI)
                  .Cases({"x86-64-v4", "avx512"}, avx512)
                  .Case(kGPUThread, gpuThread)
                  .Case("x86-64-v4-vnni", avx512VNNI)
                  .Case("native", native)
                  .Default(nullptr);
  if (!make)
    return std::nullopt;
  return make();
}

llvm::Expected<std::vector<CPULevel>> parseCPULevels(llvm::StringRef list) {
  std::vector<CPULevel> levels;
  llvm::SmallVector<llvm::StringRef> names;
  list.split(names, ',');
  for (llvm::StringRef name : names) {
    std::optional<CPULevel> level = getCPULevel(name);
    if (!level || name == kGPUThread)
      return llvm::createStringError("expected --cpu " + kCPULevels + ", got '" + name + "'");
    for (const CPULevel &other : levels)
      if (other.name == level->name)
        return llvm::createStringError("expected each level of --cpu once, got " + level->name +
                                       " twice in '" + list + "'");
    levels.push_back(*level);
  }
  llvm::sort(levels, [](const CPULevel &a, const CPULevel &b) {
    return std::pair(a.vectorBytes, a.hasVNNI) > std::pair(b.vectorBytes, b.hasVNNI);
  });
  return levels;
}

} // namespace winnow
