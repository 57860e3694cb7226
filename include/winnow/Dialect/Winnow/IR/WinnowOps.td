//===- WinnowOps.td - All op families -------------------------------------===//

include "winnow/Dialect/Winnow/IR/WinnowBase.td"
include "winnow/Dialect/Winnow/IR/ElementwiseOps.td"
include "winnow/Dialect/Winnow/IR/KanOps.td"
include "winnow/Dialect/Winnow/IR/MovementOps.td"
include "winnow/Dialect/Winnow/IR/IndexingOps.td"
include "winnow/Dialect/Winnow/IR/ContractionOps.td"
include "winnow/Dialect/Winnow/IR/SparseOps.td"
include "winnow/Dialect/Winnow/IR/PrecisionOps.td"
include "winnow/Dialect/Winnow/IR/NormalizationOps.td"
include "winnow/Dialect/Winnow/IR/AttentionOps.td"
include "winnow/Dialect/Winnow/IR/RandomOps.td"
include "winnow/Dialect/Winnow/IR/KernelOps.td"
