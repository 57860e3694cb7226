// RUN: winnow-opt %s --winnow-outline-parallel --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

// CHECK: module attributes {winnow.scratch_bytes = 0 : i64}
// CHECK: func.func private @winnow_rt_parallel(!llvm.ptr, !llvm.ptr, i64, i64)
// CHECK-LABEL: func @scale
// CHECK-DAG: %[[FN:.*]] = constant @scale_task
// CHECK-DAG: %[[CTX:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(ptr, i64, f32)>
// CHECK: llvm.store
// CHECK: %[[PTR:.*]] = builtin.unrealized_conversion_cast %[[FN]]
// CHECK: call @winnow_rt_parallel(%[[PTR]], %[[CTX]], %{{.*}}, %c128_i64)
// CHECK-LABEL: func private @scale_task
// CHECK-SAME: (%[[C:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64, %{{.*}}: !llvm.ptr)
// CHECK-DAG: %[[LO:.*]] = arith.index_cast %[[BEGIN]]
// CHECK-DAG: %[[HI:.*]] = arith.index_cast %[[END]]
// CHECK: scf.for %[[I:.*]] = %[[LO]] to %[[HI]]
// CHECK: memref.load %{{.*}}[%[[I]]] : memref<?xf32>
func.func @scale(%x: memref<?xf32>, %f: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %v = memref.load %x[%i] : memref<?xf32>
    %r = arith.mulf %v, %f : f32
    memref.store %r, %x[%i] : memref<?xf32>
    scf.reduce
  } {winnow.grain = 128 : i64}
  return
}

// -----

// A static shape needs only its pointer, and constants need nothing.
// CHECK-LABEL: func @static_shapes_pass_pointers
// CHECK: llvm.alloca %{{.*}} x !llvm.struct<(ptr)>
// CHECK-LABEL: func private @static_shapes_pass_pointers_task
// CHECK: arith.constant 2.000000e+00
func.func @static_shapes_pass_pointers(%x: memref<64x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %f = arith.constant 2.0 : f32
  scf.parallel (%i) = (%c0) to (%c64) step (%c1) {
    memref.store %f, %x[%i, %c1] : memref<64x8xf32>
    scf.reduce
  }
  return
}

// -----

// CHECK: winnow.scratch_bytes = 192 : i64
// CHECK-LABEL: func private @scratch_task
// CHECK-SAME: %[[SCRATCH:[a-z0-9]+]]: !llvm.ptr) attributes {passthrough
// CHECK-NOT: memref.alloca
// CHECK: llvm.getelementptr %[[SCRATCH]][128] : (!llvm.ptr) -> !llvm.ptr, i8
func.func @scratch(%n: index) attributes {passthrough = [["prefer-vector-width", "256"]]} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %a = memref.alloca() : memref<20xf32>
    %b = memref.alloca() : memref<4xf32>
    %v = memref.load %a[%c0] : memref<20xf32>
    memref.store %v, %b[%c1] : memref<4xf32>
    scf.reduce
  }
  return
}

// -----

// CHECK-LABEL: func private @nested_loop_is_serial_task
// CHECK: scf.for
// CHECK: scf.for
// CHECK-NOT: call @winnow_rt_parallel
func.func @nested_loop_is_serial(%n: index, %x: memref<?x?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 2.0 : f32
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    scf.parallel (%j) = (%c0) to (%n) step (%c1) {
      memref.store %f, %x[%i, %j] : memref<?x?xf32>
      scf.reduce
    }
    scf.reduce
  }
  return
}

// -----

// CHECK-LABEL: func @bounds_and_step
// CHECK: arith.subi
// CHECK: arith.ceildivsi
// CHECK-LABEL: func private @bounds_and_step_task
// CHECK: scf.for %[[I:.*]] =
// CHECK: %[[M:.*]] = arith.muli %[[I]]
// CHECK: %[[A:.*]] = arith.addi %[[M]]
// CHECK: memref.store %{{.*}}[%[[A]]]
func.func @bounds_and_step(%l: index, %u: index, %s: index, %x: memref<?xf32>) {
  %f = arith.constant 2.0 : f32
  scf.parallel (%i) = (%l) to (%u) step (%s) {
    memref.store %f, %x[%i] : memref<?xf32>
    scf.reduce
  }
  return
}

// -----

// CHECK-NOT: scratch_bytes
// CHECK-LABEL: func @serial_loop_is_left_alone
// CHECK: scf.for
// CHECK-NOT: winnow_rt_parallel
func.func @serial_loop_is_left_alone(%n: index, %x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 2.0 : f32
  scf.for %i = %c0 to %n step %c1 {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  return
}

// -----

func.func @two_dimensions_are_refused(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-error@+1 {{expected a parallel loop of 1 dimension, got 2}}
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %n) step (%c1, %c1) {
    scf.reduce
  }
  return
}

// -----

func.func @reduction_is_refused(%n: index) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 2.0 : f32
  // expected-error@+1 {{expected a parallel loop without reductions}}
  %r = scf.parallel (%i) = (%c0) to (%n) step (%c1) init (%f) -> f32 {
    scf.reduce(%f : f32) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      scf.reduce.return %s : f32
    }
  }
  return %r : f32
}

// -----

func.func @dynamic_scratch_is_refused(%n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    // expected-error@+1 {{expected an allocation of static size and dense layout in a parallel loop}}
    %a = memref.alloca(%n) : memref<?xf32>
    scf.reduce
  }
  return
}
