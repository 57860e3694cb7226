// RUN: winnow-opt %s --winnow-plan-arena --cse --canonicalize --split-input-file --verify-diagnostics | FileCheck %s

// Two of the three are never alive at once.
// CHECK-LABEL: func @disjoint_lifetimes_share
// CHECK-SAME: (%{{.*}}: memref<?xi8>, %{{.*}}: memref<8xf32>, %[[WS:.*]]: memref<?xi8>)
// CHECK-DAG: %[[A:.*]] = memref.view %[[WS]][%c0]
// CHECK-DAG: %[[B:.*]] = memref.view %[[WS]][%c64]
// CHECK-NOT: memref.alloc
// CHECK: memref.copy %[[A]], %[[B]]
// CHECK: memref.copy %[[B]], %[[A]]
// CHECK-LABEL: func @winnow.workspace_bytes() -> index
// CHECK: %[[TOTAL:.*]] = arith.constant 128 : index
// CHECK: return %[[TOTAL]]
func.func @disjoint_lifetimes_share(%w: memref<?xi8>, %x: memref<8xf32>) attributes {winnow.entry} {
  %a = memref.alloc() : memref<8xf32>
  %b = memref.alloc() : memref<8xf32>
  memref.copy %x, %a : memref<8xf32> to memref<8xf32>
  memref.copy %a, %b : memref<8xf32> to memref<8xf32>
  %c = memref.alloc() : memref<8xf32>
  memref.copy %b, %c : memref<8xf32> to memref<8xf32>
  memref.copy %c, %x : memref<8xf32> to memref<8xf32>
  memref.dealloc %c : memref<8xf32>
  return
}

// -----

// CHECK-LABEL: func @overlapping_lifetimes_do_not_share
// CHECK-DAG: memref.view %{{.*}}[%c0]
// CHECK-DAG: memref.view %{{.*}}[%c64]
// CHECK-DAG: memref.view %{{.*}}[%c128]
// CHECK-LABEL: func @winnow.workspace_bytes
// CHECK: arith.constant 192
func.func @overlapping_lifetimes_do_not_share(%w: memref<?xi8>, %x: memref<8xf32>) attributes {winnow.entry} {
  %a = memref.alloc() : memref<8xf32>
  %b = memref.alloc() : memref<8xf32>
  %c = memref.alloc() : memref<8xf32>
  memref.copy %x, %a : memref<8xf32> to memref<8xf32>
  memref.copy %a, %b : memref<8xf32> to memref<8xf32>
  memref.copy %b, %c : memref<8xf32> to memref<8xf32>
  memref.copy %a, %x : memref<8xf32> to memref<8xf32>
  return
}

// -----

// %a is used last through its view, after %c is written.
// CHECK-LABEL: func @view_extends_lifetime
// CHECK-DAG: memref.view %{{.*}}[%c0]
// CHECK-DAG: memref.view %{{.*}}[%c64]
// CHECK-LABEL: func @winnow.workspace_bytes
// CHECK: arith.constant 128
func.func @view_extends_lifetime(%w: memref<?xi8>, %x: memref<8xf32>) attributes {winnow.entry} {
  %a = memref.alloc() : memref<2x4xf32>
  %v = memref.collapse_shape %a [[0, 1]] : memref<2x4xf32> into memref<8xf32>
  %f = arith.constant 1.0 : f32
  %i = arith.constant 1 : index
  memref.store %f, %a[%i, %i] : memref<2x4xf32>
  %c = memref.alloc() : memref<8xf32>
  memref.copy %x, %c : memref<8xf32> to memref<8xf32>
  memref.copy %v, %x : memref<8xf32> to memref<8xf32>
  memref.copy %c, %x : memref<8xf32> to memref<8xf32>
  return
}

// -----

// Sizes are formulas: s0 * s1 and s1 * s0 are the same, and share.
// CHECK-LABEL: func @symbolic_sizes
// CHECK-SAME: %[[W:.*]]: memref<?xi8>, %[[S0:.*]]: index, %[[S1:.*]]: index
// CHECK-DAG: %[[A:.*]] = memref.view %{{.*}}[%c0]
// CHECK-DAG: %[[B:.*]] = memref.view %{{.*}}[%[[OFFSET:[0-9a-z]+]]]
// CHECK: memref.copy %[[A]], %[[B]]
// CHECK: memref.view %{{.*}}[%c0]{{.*}} to memref<?x4xf32>
// CHECK-LABEL: func @winnow.workspace_bytes(
// CHECK-SAME: %[[T0:.*]]: index, %[[T1:.*]]: index) -> index
// CHECK: arith.muli %[[T0]], %[[T1]]
// What wraps around is -1.
// CHECK: %[[BOUND:.*]] = arith.addf
// CHECK: %[[LARGE:.*]] = arith.cmpf ogt, %[[BOUND]], %{{.*}} : f64
// CHECK: %[[BYTES:.*]] = arith.select %[[LARGE]], %c-1, %{{.*}} : index
// CHECK: return %[[BYTES]]
func.func @symbolic_sizes(%w: memref<?xi8>, %s0: index, %s1: index, %x: memref<?x?x4xf32>) attributes {winnow.entry} {
  %a = memref.alloc(%s0, %s1) : memref<?x?x4xf32>
  %b = memref.alloc(%s0, %s1) : memref<?x?x4xf32>
  memref.copy %x, %a : memref<?x?x4xf32> to memref<?x?x4xf32>
  memref.copy %a, %b : memref<?x?x4xf32> to memref<?x?x4xf32>
  %n = affine.apply affine_map<()[s0, s1] -> (s1 * s0)>()[%s0, %s1]
  %c = memref.alloc(%n) : memref<?x4xf32>
  %d = memref.collapse_shape %b [[0, 1], [2]] : memref<?x?x4xf32> into memref<?x4xf32>
  memref.copy %d, %c : memref<?x4xf32> to memref<?x4xf32>
  return
}

// -----

// Tenants of different sizes: the slot holds the larger, whatever the symbol.
// CHECK-LABEL: func @slot_is_the_maximum
// CHECK-LABEL: func @winnow.workspace_bytes
// CHECK: arith.maxsi
func.func @slot_is_the_maximum(%w: memref<?xi8>, %s: index, %x: memref<?xf32>, %y: memref<100xf32>) attributes {winnow.entry} {
  %a = memref.alloc(%s) : memref<?xf32>
  memref.copy %x, %a : memref<?xf32> to memref<?xf32>
  %b = memref.alloc() : memref<100xf32>
  memref.copy %y, %b : memref<100xf32> to memref<100xf32>
  return
}

// -----

// A size that no affine expression states is computed from the symbols again.
// CHECK-LABEL: func @size_by_maximum
// CHECK-LABEL: func @winnow.workspace_bytes
// CHECK-SAME: %[[S:.*]]: index
// CHECK: arith.maxsi %[[S]], %c16
func.func @size_by_maximum(%w: memref<?xi8>, %s: index, %x: memref<4xf32>) attributes {winnow.entry} {
  %c16 = arith.constant 16 : index
  %n = arith.maxsi %s, %c16 : index
  %a = memref.alloc(%n) : memref<?xf32>
  %i = arith.constant 0 : index
  %f = memref.load %a[%i] : memref<?xf32>
  memref.store %f, %x[%i] : memref<4xf32>
  return
}

// -----

// CHECK-LABEL: func @dims_of_inputs_are_symbols
// CHECK-LABEL: func @winnow.workspace_bytes
// CHECK-SAME: %[[S:.*]]: index
// CHECK: arith.muli %[[S]], %c8
func.func @dims_of_inputs_are_symbols(%w: memref<?xi8>, %s: index, %x: memref<?xi64>)
    attributes {winnow.entry, winnow.num_inputs = 1 : i64, winnow.input_dims = [affine_map<()[s0] -> (s0)>], winnow.output_dims = []} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xi64>
  %a = memref.alloc(%n) : memref<?xi64>
  memref.copy %x, %a : memref<?xi64> to memref<?xi64>
  return
}

// -----

// CHECK-LABEL: func @nothing_to_place
// CHECK-SAME: memref<?xi8>, %{{.*}}: memref<?xi8>)
// CHECK-LABEL: func @winnow.workspace_bytes
// CHECK: arith.constant 0
func.func @nothing_to_place(%w: memref<?xi8>) attributes {winnow.entry} {
  return
}

// -----

// Sizes are seen through views.

// CHECK-LABEL: func @size_of_a_view
// CHECK-LABEL: func @winnow.workspace_bytes
func.func @size_of_a_view(%w: memref<?xi8>, %s: index, %t: index, %x: memref<?xf32>) attributes {winnow.entry} {
  %c0 = arith.constant 0 : index
  %a = memref.alloc(%s, %t) : memref<?x?x8xf32>
  %part = memref.subview %a[0, 0, 2] [%s, %t, 1] [1, 1, 1] : memref<?x?x8xf32> to memref<?x?xf32, strided<[?, 8], offset: 2>>
  %flat = memref.collapse_shape %a [[0, 1], [2]] : memref<?x?x8xf32> into memref<?x8xf32>
  %rows = memref.expand_shape %flat [[0, 1], [2]] output_shape [%t, %s, 8] : memref<?x8xf32> into memref<?x?x8xf32>
  %n = memref.dim %part, %c0 : memref<?x?xf32, strided<[?, 8], offset: 2>>
  %m = memref.dim %flat, %c0 : memref<?x8xf32>
  %k = memref.dim %rows, %c0 : memref<?x?x8xf32>
  %b = memref.alloc(%n, %m, %k) : memref<?x?x?xf32>
  memref.copy %b, %b : memref<?x?x?xf32> to memref<?x?x?xf32>
  %cast = memref.reinterpret_cast %x to offset: [0], sizes: [%s], strides: [1] : memref<?xf32> to memref<?xf32>
  %q = memref.dim %cast, %c0 : memref<?xf32>
  %e = memref.alloc(%q) : memref<?xf32>
  memref.copy %e, %x : memref<?xf32> to memref<?xf32>
  return
}

// -----

// Branches and loops do not change shapes.

// CHECK-LABEL: func @size_of_a_result
// CHECK-LABEL: func @winnow.workspace_bytes
func.func @size_of_a_result(%w: memref<?xi8>, %s: index, %x: memref<?xf32>, %c: memref<i1>) attributes {winnow.entry} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.alloc(%s) : memref<?xf32>
  memref.copy %x, %a : memref<?xf32> to memref<?xf32>
  %which = memref.load %c[] : memref<i1>
  %branch = scf.if %which -> (memref<?xf32>) {
    scf.yield %a : memref<?xf32>
  } else {
    scf.yield %x : memref<?xf32>
  }
  %last = scf.for %i = %c0 to %s step %c1 iter_args(%state = %branch) -> (memref<?xf32>) {
    %n = memref.dim %state, %c0 : memref<?xf32>
    %b = memref.alloc(%n) : memref<?xf32>
    memref.copy %state, %b : memref<?xf32> to memref<?xf32>
    memref.copy %b, %state : memref<?xf32> to memref<?xf32>
    scf.yield %state : memref<?xf32>
  }
  %m = memref.dim %last, %c0 : memref<?xf32>
  %d = memref.alloc(%m) : memref<?xf32>
  memref.copy %last, %d : memref<?xf32> to memref<?xf32>
  return
}

// -----

func.func @size_from_data_is_refused(%w: memref<?xi8>, %s: index, %x: memref<4xi64>) attributes {winnow.entry} {
  %c0 = arith.constant 0 : index
  %v = memref.load %x[%c0] : memref<4xi64>
  %n = arith.index_cast %v : i64 to index
  // expected-error@+1 {{expected the size of a buffer to depend on named dimensions only}}
  %a = memref.alloc(%n) : memref<?xf32>
  return
}

// -----

func.func @carried_buffer_is_refused(%w: memref<?xi8>, %s: index, %x: memref<4xf32>) attributes {winnow.entry} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %s step %c1 iter_args(%b = %x) -> memref<4xf32> {
    // expected-error@+1 {{cannot place a buffer that a loop carries from one iteration to the next}}
    %a = memref.alloc() : memref<4xf32>
    memref.copy %b, %a : memref<4xf32> to memref<4xf32>
    scf.yield %a : memref<4xf32>
  }
  return
}

// -----

func.func @main(%w: memref<?xi8>) attributes {winnow.entry} {
  return
}
func.func @kernel_may_not_allocate() {
  // expected-error@+1 {{only the entry may allocate buffers}}
  %a = memref.alloc() : memref<4xf32>
  return
}

// -----

// What an iteration allocates lives within it; what it reads from outside lives
// through the whole loop.
// CHECK-LABEL: func @loops
// CHECK-DAG: memref.view %{{.*}}[%c0]
// CHECK-DAG: memref.view %{{.*}}[%c64]
// CHECK-DAG: memref.view %{{.*}}[%c128]
// CHECK-LABEL: func @winnow.workspace_bytes
// CHECK: arith.constant 192
func.func @loops(%w: memref<?xi8>, %x: memref<8xf32>) attributes {winnow.entry} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %outside = memref.alloc() : memref<8xf32>
  memref.copy %x, %outside : memref<8xf32> to memref<8xf32>
  scf.for %i = %c0 to %c4 step %c1 {
    %a = memref.alloc() : memref<8xf32>
    %b = memref.alloc() : memref<8xf32>
    memref.copy %outside, %a : memref<8xf32> to memref<8xf32>
    memref.copy %a, %b : memref<8xf32> to memref<8xf32>
    %c = memref.alloc() : memref<8xf32>
    memref.copy %b, %c : memref<8xf32> to memref<8xf32>
    memref.copy %c, %x : memref<8xf32> to memref<8xf32>
  }
  return
}

// -----

// A size that the data gives takes its capacity, and its minimum where it is
// subtracted.
// CHECK-LABEL: func @data_sizes
// CHECK-LABEL: func @winnow.workspace_bytes(%arg0: index, %arg1: index) -> index
// CHECK: %[[BYTES:.*]] = arith.muli %arg0, %c4
// 63 to round up less 8 of two elements at least
// CHECK: arith.addi %[[BYTES]], %c55
func.func private @define_size_1(index, i32) -> index attributes {winnow.kernel = {kind = "define_size", symbol = 1 : i64}}
func.func @data_sizes(%w: memref<?xi8>, %n: index, %capacity: index, %x: memref<?xf32>)
    attributes {winnow.entry, winnow.symbols = [{name = "n", min = 0 : i64, max = 9223372036854775807 : i64},
      {name = "count", min = 2 : i64, max = 9223372036854775807 : i64, data}]} {
  %site = arith.constant 0 : i32
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %count = call @define_size_1(%n, %site) : (index, i32) -> index
  %rest = affine.apply affine_map<()[s0, s1] -> (s0 - s1)>()[%n, %count]
  %a = memref.alloc(%rest) : memref<?xf32>
  memref.store %zero, %a[%c0] : memref<?xf32>
  return
}
