// RUN: winnow-opt %s --split-input-file --winnow-generate-kernels=cpu=x86-64-v3 --canonicalize | FileCheck %s

// Scratch is bounded whatever the length of the sequence: a block of scores,
// never the whole matrix.

// CHECK-LABEL: func.func private @plain
// CHECK:       scf.parallel
// CHECK-DAG:     memref<64x16xf32>
// CHECK-DAG:     %[[SCORES:.*]] = memref.alloca() {alignment = 64 : i64} : memref<256x16xf32>
// CHECK:         vector.shuffle
// CHECK:         scf.for %{{.*}} = %c0 to %{{.*}} step %c256
// CHECK:           vector.fma
// CHECK:           vector.store %{{.*}}, %[[SCORES]]
// CHECK:           arith.shli
// CHECK-NOT:     maskedload
// CHECK:       } {winnow.grain = 1 : i64}
func.func private @plain(memref<?x40x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x40x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, causal = false, mask = "none"}}

// -----

// A step of a decoder: lanes hold elements of a key, then scores of keys; one row of
// weights.

// CHECK-LABEL: func.func private @one_query
// CHECK:       memref.alloca() {alignment = 64 : i64} : memref<512xf32>
// CHECK-NOT:   vector.shuffle
// CHECK:       scf.for %{{.*}} = %c0 to %c64 step %c8 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK:       scf.for %{{.*}} step %c4 iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
func.func private @one_query(memref<?x1x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x1x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none"}}

// -----

// Where there are steps, any number of queries may be a single one.

// CHECK-LABEL: func.func private @any_queries
// CHECK:       %[[QUERIES:.*]] = memref.dim %arg0, %c1
// CHECK:       %[[ONE:.*]] = arith.cmpi eq, %[[QUERIES]], %c1
// CHECK:       scf.if %[[ONE]]
// CHECK:         memref<512xf32>
// CHECK:       } else {
// CHECK:         memref<256x16xf32>
func.func private @any_queries(memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none", steps = true}}

// -----

// A step of a decoder copies past keys and values as it comes to them.

// CHECK-LABEL: func.func private @past
// CHECK-SAME:  %[[Q:.*]]: memref<?x1x12x64xf32>, %[[PAST_K:.*]]: memref<?x12x?x64xf32>, %[[PAST_V:.*]]: memref<?x12x?x64xf32>, %[[K:.*]]: memref<?x12x?x64xf32>, %[[V:.*]]: memref<?x12x?x64xf32>, %
// CHECK:       scf.parallel
// CHECK-NOT:   scf.parallel
// CHECK-DAG:     %[[KEY:.*]] = memref.subview %[[K]]
// CHECK-DAG:     %[[PAST:.*]] = memref.subview %[[PAST_K]]
// CHECK:         %[[ROW:.*]] = vector.load %[[PAST]]
// CHECK:         vector.store %[[ROW]], %[[KEY]]
// CHECK:         vector.fma
func.func private @past(memref<?x1x12x64xf32>, memref<?x12x?x64xf32>, memref<?x12x?x64xf32>, memref<?x12x?x64xf32>, memref<?x12x?x64xf32>, memref<?x1x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, past = true, key_heads_first = true, value_heads_first = true}}

// -----

// Several blocks of queries find them copied.

// CHECK-LABEL: func.func private @past_of_many
// CHECK:       scf.parallel
// CHECK:         vector.store
// CHECK:       scf.parallel
// CHECK-NOT:     vector.load %arg1
// CHECK:         vector.fma
func.func private @past_of_many(memref<?x40x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x40x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, past = true}}

// -----

// A group of heads shares keys and values, which are not copied.

// CHECK-LABEL: func.func private @grouped
// CHECK:       scf.parallel
// CHECK:       %[[ITEM:.*]] = arith.divui
// CHECK:       %[[HEAD:.*]] = arith.remui %[[ITEM]], %c12
// CHECK:       %[[KEY_HEAD:.*]] = arith.divui %[[HEAD]], %c3
// CHECK:       memref.subview %arg1[%{{.*}}, 0, %[[KEY_HEAD]], 0]
// CHECK:       memref.subview %arg2[%{{.*}}, 0, %[[KEY_HEAD]], 0]
func.func private @grouped(memref<?x40x12x64xf32>, memref<?x?x4x64xf32>, memref<?x?x4x64xf32>, memref<?x40x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "none"}}

// -----

// Causal attention stops at the last key that the block's queries see.

// CHECK-LABEL: func.func private @causal
// CHECK:       %[[LAST:.*]] = arith.addi %{{.*}}, %c16
// CHECK:       %[[SEEN:.*]] = arith.minsi %{{.*}}, %[[LAST]]
// CHECK:       %[[END:.*]] = arith.maxsi %[[SEEN]], %c0
// CHECK:       scf.for %{{.*}} = %c0 to %[[END]] step %c256
// CHECK:       arith.cmpi sle
func.func private @causal(memref<?x40x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x40x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, causal = true}}

// -----

// With a cache the last query sees all keys; hidden keys count only for rows
// whose keys all score the least float.

// CHECK-LABEL: func.func private @causal_at_end
// CHECK:       %[[SHIFT:.*]] = arith.subi
// CHECK:       %[[SEEN:.*]] = arith.addi %{{.*}}, %[[SHIFT]]
// CHECK:       arith.addi %[[SEEN]], %c16
// CHECK:       %[[END:.*]] = arith.maxsi
// CHECK:       scf.for %{{.*}} = %c0 to %[[END]] step %c256
// CHECK:       arith.cmpf ole
// CHECK:       scf.if
// CHECK:         scf.for %{{.*}} = %[[END]] to %{{.*}} step %c256
func.func private @causal_at_end(memref<?x40x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x40x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, causal = true, causal_at_end = true, causal_lowest = true}}

// -----

// Where the lowest float is added, a mask that makes up for it counts as well.

// CHECK-LABEL: func.func private @adds_lowest
// CHECK:       arith.cmpf ugt
// CHECK:       arith.cmpf ole
// CHECK:       scf.if
func.func private @adds_lowest(memref<?x40x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x1x1x?xf32>, memref<?x40x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "add", causal = true, causal_adds_lowest = true}}

// -----

// A mask of fewer entries than the batch starts again.

// CHECK-LABEL: func.func private @cyclic_mask
// CHECK:       %[[ENTRY:.*]] = arith.remui %{{.*}}, %c4
// CHECK:       memref.subview %arg3[%[[ENTRY]], %{{.*}}, 0, 0]
func.func private @cyclic_mask(memref<?x40x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<4x12x?x?xf32>, memref<?x40x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "add"}}

// -----

// A mask that all queries share is one scalar for each key.

// CHECK-LABEL: func.func private @key_mask
// CHECK:       %[[MASK:.*]] = memref.load %{{.*}} : memref<1x?xi1
// CHECK:       arith.select %[[MASK]]
func.func private @key_mask(memref<?x40x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<?x1x1x?xi1>, memref<?x40x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "bool"}}

// -----

// Bools are read as bytes: vector.load would take them for packed bits.

// CHECK-LABEL: func.func private @full_mask
// CHECK-NOT:   vector.load {{.*}}xi1
// CHECK:       llvm.load %{{.*}} : !llvm.ptr -> vector<8xi8>
func.func private @full_mask(memref<?x40x12x64xf32>, memref<?x?x12x64xf32>, memref<?x?x12x64xf32>, memref<1x1x?x?xi1>, memref<?x40x12x64xf32>)
    attributes {winnow.kernel = {kind = "attention", scale = 0.125 : f32, mask = "bool"}}
