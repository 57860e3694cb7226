//===- ModelInterface.h - What a compiled model shows to its callers ------===//
//
// The facts about a compiled model that the descriptor, the C header, the
// report and the weights file are made from. Filled by Pipeline from the
// module that Codegen leaves; Link knows nothing about IR above LLVM's.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LINK_MODELINTERFACE_H
#define WINNOW_LINK_MODELINTERFACE_H

#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace winnow {

struct ModelInterface {
  /// A named run-time dimension with inclusive bounds, read off the inputs or
  /// computed from data.
  struct Symbol {
    std::string name;
    int64_t min = 0;
    int64_t max = INT64_MAX;
    bool fromData = false;
  };
  /// `size` >= 0: static. Otherwise `symbol` is the symbol's index, or -1 for
  /// an expression over symbols, spelled in `expression`, and in C with `$i`
  /// for symbol i in `formula`.
  /// `fromData`: it depends on a symbol that is (outputs only).
  struct Dim {
    int64_t size = -1;
    /// The dimension is `factor` times this symbol plus `offset`.
    int symbol = -1;
    std::string expression;
    bool fromData = false;
    std::string formula = {};
    int64_t factor = 1, offset = 0;
    bool isSymbol() const { return symbol >= 0 && factor == 1 && offset == 0; }
  };
  struct Tensor {
    std::string name; ///< The ONNX name: any bytes.
    uint32_t dtype;   ///< WINNOW_DTYPE_*
    std::vector<Dim> dims;
    bool dependsOnData() const {
      return std::any_of(dims.begin(), dims.end(),
                         [](const Dim &dim) { return dim.fromData; });
    }
  };
  /// A run-time check that can fail, reported by winnow_rt_fail(index).
  struct Site {
    std::string node;
    std::string message;
  };
  /// An operation that a profile names, reported by winnow_rt_mark(index).
  struct Op {
    std::string kind;
    std::string nodes; ///< Names of the ONNX nodes, joined by ", ".
  };

  /// The code for one CPU level.
  struct Code {
    std::string cpuLevel;     ///< x86-64, x86-64-v3, x86-64-v4
    uint64_t cpuFeatures = 0; ///< WINNOW_CPU_*
    int64_t scratchBytes = 0; ///< Per thread.
    std::string suffix = {};  ///< Of the names of its functions.
    /// Of code that computes on a GPU.
    struct GPU {
      std::string chip, precision;
      int compute = 0;
      bool isSpecific = false;
      std::vector<std::string> kernels; ///< In the order of their numbers.
      std::vector<std::string> reads;   ///< Where the host waits for data of the device.
      std::string ptx;
      std::string cubin; ///< Empty: there was no assembler.
    };
    std::optional<GPU> gpu = {};
  };

  std::string name; ///< A legal C identifier, prefix of every symbol.
  /// Which form of the model it is, such as "packed"; empty for the model itself. A library
  /// holds all forms.
  std::string form;
  std::string triple;
  std::vector<Code> codes; ///< One or more, the highest level first.
  std::vector<Tensor> inputs, outputs;
  std::vector<Symbol> symbols;
  std::vector<Site> sites;
  std::vector<Op> ops;

  /// `NAME_run`, `NAME_run_packed`
  std::string getFunctionName(const std::string &function) const {
    return name + "_" + function + (form.empty() ? "" : "_" + form);
  }
  /// `NAME_model`, `NAME_packed_model`
  std::string getObjectName(const std::string &object) const {
    return name + (form.empty() ? "" : "_" + form) + "_" + object;
  }
  /// `x86-64-v4, x86-64-v3`
  std::string listLevels() const {
    std::string list;
    for (const Code &code : codes)
      list += (list.empty() ? "" : ", ") + code.cpuLevel;
    return list;
  }
};

/// One tensor of the weights file. `write` streams exactly `bytes` bytes; it
/// may repack on the way and must not keep them.
struct WeightEntry {
  int64_t offset; ///< A multiple of 64; entries come sorted and disjoint.
  int64_t bytes;
  std::function<void(llvm::raw_ostream &)> write;
};

} // namespace winnow

#endif // WINNOW_LINK_MODELINTERFACE_H
