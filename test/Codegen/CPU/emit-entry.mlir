// RUN: winnow-opt %s --winnow-emit-entry --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: func @main
// CHECK-SAME: llvm.linkage = #llvm.linkage<internal>
func.func @main(%w: memref<?xi8>, %s0: index, %s1: index, %in: memref<?x?xi64>, %out: memref<?x8xf32>, %ws: memref<?xi8>)
    attributes {winnow.entry, winnow.num_inputs = 1 : i64,
                winnow.input_dims = [affine_map<()[s0, s1] -> (s0, s1)>],
                winnow.output_dims = [affine_map<()[s0, s1] -> (s0 * s1 + 1, 8)>]} {
  return
}
// CHECK-LABEL: func @winnow.workspace_size
func.func @winnow.workspace_bytes(%s0: index, %s1: index) -> index {
  %n = arith.muli %s0, %s1 : index
  return %n : index
}
// CHECK-LABEL: func @winnow.workspace_bytes
// CHECK-SAME: (%[[SYMBOLS:.*]]: !llvm.ptr) -> i64
// CHECK: llvm.load %[[SYMBOLS]]
// CHECK: call @winnow.workspace_size

// CHECK-LABEL: func @winnow.output_dims
// CHECK-SAME: (%{{.*}}: !llvm.ptr, %[[DIMS:.*]]: !llvm.ptr)
// CHECK: %[[P:.*]] = arith.muli
// CHECK: %[[Q:.*]] = arith.addi %[[P]], %c1
// CHECK: %[[D:.*]] = arith.index_cast %[[Q]]
// CHECK: llvm.store %[[D]], %[[DIMS]]
// CHECK: llvm.getelementptr %[[DIMS]][1]
// CHECK: llvm.store %{{.*}}c8_i64

// CHECK-LABEL: func @winnow.run(
// CHECK-SAME: %[[CALL:.*]]: !llvm.ptr)
// CHECK-NOT: linkage
// CHECK: llvm.getelementptr %[[CALL]][0, 2]
// CHECK: llvm.intr.assume %{{.*}} ["align"(
// CHECK: call @main

// -----

// Data symbols have their bounds as capacities, of earlier capacities, and room
// is what any value up to them may need.
func.func @data(%w: memref<?xi8>, %s0: index, %s1: index, %s2: index, %in: memref<?xi64>, %out: memref<?x?xf32>, %ws: memref<?xi8>)
    attributes {winnow.entry, winnow.num_inputs = 1 : i64,
                winnow.symbols = [{name = "n", min = 0, max = 9223372036854775807},
                                  {name = "count", min = 3, max = 50, data, bound = affine_map<()[s0, s1, s2] -> (s0 * 2)>},
                                  {name = "size", min = 1, max = 9223372036854775807, data}],
                winnow.input_dims = [affine_map<()[s0, s1, s2] -> (s0)>],
                winnow.output_dims = [affine_map<()[s0, s1, s2] -> (s0 - s1, s2)>]} {
  return
}
func.func @winnow.workspace_bytes(%s0: index, %s1: index, %s2: index) -> index {
  return %s0 : index
}
// CHECK-LABEL: func @winnow.output_room
// CHECK-DAG: %[[LESS:.*]] = arith.constant -3 : index
// CHECK-DAG: %[[N:.*]] = arith.index_cast
// CHECK-DAG: arith.addi %[[N]], %[[LESS]]
// CHECK: return

// CHECK-LABEL: func @winnow.capacities
// CHECK-SAME: (%[[SYMBOLS:.*]]: !llvm.ptr)
// CHECK-DAG: %[[TWICE:.*]] = arith.muli
// CHECK-DAG: %[[MOST:.*]] = arith.minsi %[[TWICE]], %c50
// CHECK-DAG: %[[CLAMPED:.*]] = arith.maxsi %[[MOST]], %c3
// CHECK-DAG: arith.maxsi %{{.*}}, %[[CLAMPED]]
// CHECK-DAG: %[[AT1:.*]] = llvm.getelementptr %[[SYMBOLS]][1]
// CHECK-DAG: llvm.store %{{.*}}, %[[AT1]]
// CHECK: arith.maxsi %{{.*}}, %c1
// CHECK: llvm.store
// CHECK: return

// -----

// The least divisor is one, and a remainder is below its divisor.
func.func @room(%w: memref<?xi8>, %s0: index, %s1: index, %in: memref<?xi64>, %out: memref<?x?x?xf32>, %ws: memref<?xi8>)
    attributes {winnow.entry, winnow.num_inputs = 1 : i64,
                winnow.symbols = [{name = "n", min = 0, max = 9223372036854775807},
                                  {name = "count", min = 0, max = 50, data}],
                winnow.input_dims = [affine_map<()[s0, s1] -> (s0)>],
                winnow.output_dims = [affine_map<()[s0, s1] -> (s0 floordiv s1, s1 mod 7, s0 * s1)>]} {
  return
}
func.func @winnow.workspace_bytes(%s0: index, %s1: index) -> index {
  return %s0 : index
}
// CHECK-LABEL: func @winnow.output_room
// CHECK-SAME: (%[[SYMBOLS:.*]]: !llvm.ptr, %[[DIMS:.*]]: !llvm.ptr)
// CHECK-NOT: {{div|rem}}
// CHECK-DAG: %[[N:.*]] = llvm.load %[[SYMBOLS]]
// CHECK-DAG: %[[PRODUCT:.*]] = arith.muli
// CHECK-DAG: llvm.store %[[N]], %[[DIMS]]
// CHECK-DAG: llvm.store %{{.*}}c6_i64
// CHECK: return

// -----

// Dimensions of inputs that are neither static nor multiples of one symbol, by their number.
func.func @mask(%w: memref<?xi8>, %s0: index, %s1: index, %x: memref<?x4xf32>, %past: memref<?xf32>, %mask: memref<?x?xi64>, %out: memref<?xf32>, %ws: memref<?xi8>)
    attributes {winnow.entry, winnow.num_inputs = 3 : i64,
                winnow.input_dims = [affine_map<()[s0, s1] -> (s0, 4)>, affine_map<()[s0, s1] -> (s1)>, affine_map<()[s0, s1] -> (s0 + s1, s0 * s1)>],
                winnow.output_dims = [affine_map<()[s0, s1] -> (s0)>]} {
  return
}
func.func @winnow.workspace_bytes(%s0: index, %s1: index) -> index {
  return %s0 : index
}
// CHECK-LABEL: func @winnow.input_dim
// CHECK-SAME: (%{{.*}}: !llvm.ptr, %[[N:.*]]: i64) -> i64
// CHECK-DAG: %[[SUM:.*]] = arith.addi
// CHECK-DAG: %[[PRODUCT:.*]] = arith.muli
// CHECK-DAG: %[[IS1:.*]] = arith.cmpi eq, %[[N]], %c1
// CHECK-DAG: %[[R:.*]] = arith.select %[[IS1]]
// CHECK: return %[[R]] : i64

// -----

func.func @unordered(%w: memref<?xi8>, %s0: index, %s1: index, %ws: memref<?xi8>)
    // expected-error@-1 {{expected the bounds of symbols to depend on symbols before them}}
    attributes {winnow.entry, winnow.num_inputs = 0 : i64, winnow.input_dims = [], winnow.output_dims = [],
                winnow.symbols = [{name = "a", min = 0, max = 9, data, bound = affine_map<()[s0, s1] -> (s1)>},
                                  {name = "b", min = 0, max = 9, data}]} {
  return
}
func.func @winnow.workspace_bytes(%s0: index, %s1: index) -> index {
  return %s0 : index
}

// -----

func.func @too_few_dims(%w: memref<?xi8>, %s0: index, %in: memref<?xi64>, %ws: memref<?xi8>)
    // expected-error@-1 {{expected 'winnow.input_dims' to list 1 affine maps}}
    attributes {winnow.entry, winnow.num_inputs = 1 : i64, winnow.input_dims = [], winnow.output_dims = []} {
  return
}
func.func @winnow.workspace_bytes(%s0: index) -> index {
  return %s0 : index
}

// -----

func.func @rank_differs(%w: memref<?xi8>, %s0: index, %in: memref<?xi64>, %ws: memref<?xi8>)
    // expected-error@-1 {{expected argument 2 and its dims to have one rank, got 1 and 2}}
    attributes {winnow.entry, winnow.num_inputs = 1 : i64, winnow.input_dims = [affine_map<()[s0] -> (s0, 4)>], winnow.output_dims = []} {
  return
}
func.func @winnow.workspace_bytes(%s0: index) -> index {
  return %s0 : index
}

// -----

// expected-error@+1 {{expected a function with 'winnow.entry'}}
module {
}

// -----

// expected-error@+1 {{expected the entry to have a body and @winnow.workspace_bytes.packed}}
func.func @no_workspace(%w: memref<?xi8>, %ws: memref<?xi8>)
    attributes {winnow.entry = "packed", winnow.num_inputs = 0 : i64, winnow.input_dims = [], winnow.output_dims = []} {
  return
}
