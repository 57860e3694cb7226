#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Support/Quote.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/SetVector.h"

namespace winnow {
#define GEN_PASS_DEF_REPORTCOPIES
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

namespace {

struct Copy {
  Operation *op;
  Value from, to;
  /// From the dimensions of `to` to those of `from`.
  AffineMap map;
};

/// Follows views to the buffer that they show.
Value getBuffer(Value view) {
  while (auto op = view.getDefiningOp<ViewLikeOpInterface>())
    view = op.getViewSource();
  return view;
}

bool isPart(Value view) {
  for (; Operation *op = view.getDefiningOp();
       view = cast<ViewLikeOpInterface>(op).getViewSource()) {
    if (isa<memref::SubViewOp>(op))
      return true;
    if (!isa<ViewLikeOpInterface>(op))
      return false;
  }
  return false;
}

std::optional<Copy> getCopy(Operation *op) {
  if (auto copy = dyn_cast<memref::CopyOp>(op)) {
    auto type = cast<MemRefType>(copy.getTarget().getType());
    return Copy{op, copy.getSource(), copy.getTarget(),
                AffineMap::getMultiDimIdentityMap(type.getRank(), op->getContext())};
  }
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured || structured.getNumDpsInits() != 1 || structured.getNumReductionLoops() ||
      !structured.getBlock()->without_terminator().empty())
    return std::nullopt;
  auto yielded = dyn_cast<BlockArgument>(structured.getBlock()->getTerminator()->getOperand(0));
  if (!yielded || yielded.getOwner() != structured.getBlock())
    return std::nullopt;
  OpOperand &from = op->getOpOperand(yielded.getArgNumber());
  OpOperand &to = *structured.getDpsInitOperand(0);
  AffineMap out = structured.getMatchingIndexingMap(&to);
  if (!isa<MemRefType>(from.get().getType()) || !out.isPermutation())
    return std::nullopt;
  AffineMap in = structured.getMatchingIndexingMap(&from);
  return Copy{op, from.get(), to.get(), in.compose(inversePermutation(out))};
}

/// Elements that are read where indices say, and only moved.
Value getGathered(Operation *op) {
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured || structured.getNumDpsInits() != 1 || structured.getNumReductionLoops())
    return nullptr;
  auto load = structured.getBlock()->getTerminator()->getOperand(0).getDefiningOp<memref::LoadOp>();
  bool isOnlyMoved = load && llvm::all_of(structured.getBlock()->without_terminator(), [&](Operation &inner) {
    return &inner == load || isa<linalg::IndexOp, arith::IndexCastOp, arith::ConstantOp>(inner);
  });
  return isOnlyMoved ? load.getMemRef() : nullptr;
}

std::string getShapeText(Value value) {
  auto type = cast<MemRefType>(value.getType());
  std::string text;
  llvm::raw_string_ostream os(text);
  for (int64_t size : type.getShape())
    ShapedType::isDynamic(size) ? (os << "?x") : (os << size << "x");
  os << type.getElementType();
  return text;
}

class Reporter {
public:
  explicit Reporter(func::FuncOp entry)
      : entry(entry), reporter(entry->getParentOfType<ModuleOp>(), "report-copies") {
    while (isSymbol(1 + numSymbols))
      ++numSymbols;
    if (auto inputs = entry->getAttrOfType<IntegerAttr>("winnow.num_inputs"))
      numInputs = inputs.getInt();
  }

  void reportGather(Operation *op, Value from) {
    Value to = cast<linalg::LinalgOp>(op).getDpsInits().front();
    Copy copy{op, from, to, AffineMap()};
    refuse(copy, "gathers " + getShapeText(to) + getSource(copy) + getTarget(copy) + ": " +
                     getReason(copy));
  }

  void report(const Copy &copy) {
    std::string sentence = "copies " + getShapeText(copy.to) + getSource(copy) + getTarget(copy);
    if (!copy.map.isPermutation())
      sentence += ", repeated";
    else if (!copy.map.isIdentity())
      sentence += ", in another order of dimensions";
    sentence += ": " + getReason(copy);
    refuse(copy, sentence);
  }

private:
  void refuse(const Copy &copy, const Twine &sentence) {
    bool isOfIndices = holdsIndices(getBuffer(copy.to), copy.op);
    reporter.refused(copy.op->getLoc(), isOfIndices ? "copy.indices" : "copy.remains", sentence);
  }
  bool isSymbol(unsigned i) const {
    return i < entry.getNumArguments() && entry.getArgument(i).getType().isIndex();
  }
  /// What the entry is given: `input 'x'`, `output 'y'`, or the weights.
  std::string getArgumentText(Value buffer) const {
    auto argument = dyn_cast<BlockArgument>(buffer);
    if (!argument || argument.getOwner() != &entry.getBody().front())
      return "";
    unsigned i = argument.getArgNumber();
    if (i == 0)
      return "a constant";
    auto name = entry.getArgAttrOfType<StringAttr>(i, "winnow.name");
    return (isOutput(buffer) ? "output " : "input ") + quote(name ? name.getValue() : "");
  }
  bool isOutput(Value buffer) const {
    auto argument = dyn_cast<BlockArgument>(buffer);
    return argument && argument.getOwner() == &entry.getBody().front() &&
           argument.getArgNumber() > numSymbols + numInputs;
  }

  std::string getSource(const Copy &copy) const {
    Value buffer = getBuffer(copy.from);
    if (buffer.getDefiningOp<memref::GetGlobalOp>())
      return " of a constant";
    std::string text = getArgumentText(buffer);
    return text.empty() ? "" : " of " + text;
  }

  std::string getTarget(const Copy &copy) const {
    std::string text = getArgumentText(getBuffer(copy.to));
    if (isPart(copy.to))
      return " to a part of " + (text.empty() ? "a buffer" : text);
    return text.empty() ? "" : " to " + text;
  }

  std::string getReason(const Copy &copy) const {
    Value buffer = getBuffer(copy.to);
    if (isOutput(buffer))
      return "the model returns it";
    llvm::SetVector<StringRef> readers;
    collectReaders(buffer, copy.op, readers);
    return readers.empty() ? std::string("a loop or branch hands it on")
                           : llvm::join(readers, " and ") + " read" +
                                 (readers.size() == 1 ? "s" : "") + " it so";
  }

  /// The configuration of the kernel that is called.
  static DictionaryAttr getConfig(func::CallOp call) {
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
    return callee ? callee->getAttrOfType<DictionaryAttr>("winnow.kernel") : DictionaryAttr();
  }

  /// Whether all that read a buffer, but for its writer, are kernels that find other elements by
  /// it: by the indices of a gather, or the numbers of rows.
  static bool holdsIndices(Value value, Operation *writer) {
    if (!getElementTypeOrSelf(value.getType()).isInteger())
      return false;
    bool isRead = false;
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (user == writer || isa<memref::DimOp>(user))
        continue;
      if (isa<ViewLikeOpInterface>(user)) {
        if (user->use_empty() || llvm::is_contained(user->getResult(0).getUsers(), writer))
          continue;
        if (!holdsIndices(user->getResult(0), writer))
          return false;
      } else if (auto call = dyn_cast<func::CallOp>(user)) {
        DictionaryAttr config = getConfig(call);
        auto kind = config ? config.getAs<StringAttr>("kind") : StringAttr();
        if (!kind || !(kind == "gather" ? use.getOperandNumber() == 1
                                        : llvm::is_contained({"linear", "layer_norm", "rms_norm"}, kind)))
          return false;
      } else if (auto copy = getCopy(user); !copy || copy->from != value ||
                                            !holdsIndices(getBuffer(copy->to), user)) {
        return false;
      }
      isRead = true;
    }
    return isRead;
  }

  /// The kinds of operations that use the buffer, but for what writes it.
  void collectReaders(Value value, Operation *writer, llvm::SetVector<StringRef> &readers) const {
    for (Operation *user : value.getUsers()) {
      if (user == writer || isa<memref::DimOp>(user))
        continue;
      if (isa<ViewLikeOpInterface>(user)) {
        collectReaders(user->getResult(0), writer, readers);
      } else if (auto call = dyn_cast<func::CallOp>(user)) {
        DictionaryAttr config = getConfig(call);
        if (auto kind = config ? config.getAs<StringAttr>("kind") : StringAttr())
          readers.insert(kind.getValue());
      } else if (auto copy = getCopy(user)) {
        // The other parts of what is joined are written, not read.
        if (getBuffer(copy->to) != getBuffer(value))
          readers.insert("a copy");
      } else if (auto structured = dyn_cast<linalg::LinalgOp>(user)) {
        bool isRead =
            llvm::any_of(structured.getDpsInputs(), [&](Value input) { return input == value; });
        if (isRead)
          readers.insert(structured.getNumReductionLoops() ? "a reduction"
                                                           : "an elementwise operation");
      }
    }
  }

  mutable func::FuncOp entry;
  SiteReporter reporter;
  unsigned numSymbols = 0, numInputs = 0;
};

struct ReportCopies : winnow::impl::ReportCopiesBase<ReportCopies> {
  void runOnOperation() override {
    for (func::FuncOp entry : getEntries(getOperation())) {
      Reporter reporter(entry);
      entry.walk([&](Operation *op) {
        if (std::optional<Copy> copy = getCopy(op))
          reporter.report(*copy);
        else if (Value gathered = getGathered(op))
          reporter.reportGather(op, gathered);
      });
    }
  }
};
} // namespace
