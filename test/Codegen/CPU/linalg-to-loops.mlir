// RUN: winnow-opt %s --winnow-linalg-to-loops --canonicalize --cse --split-input-file --verify-diagnostics | FileCheck %s

#id3 = affine_map<(b, s, d) -> (b, s, d)>
#bs = affine_map<(b, s, d) -> (b, s)>
#bd = affine_map<(b, s, d) -> (b, d)>
#d = affine_map<(b, s, d) -> (d)>

// CHECK-LABEL: func @elementwise_is_one_loop
// CHECK: memref.collapse_shape %{{.*}} {{\[}}[0, 1, 2]]
// CHECK: scf.parallel (%[[I:.*]]) =
// CHECK-NOT: scf.for
// CHECK: memref.load %{{.*}}[%[[I]]] : memref<?xf32>
// CHECK: memref.store %{{.*}}[%[[I]]] : memref<?xf32>
// CHECK: winnow.grain = 16384
func.func @elementwise_is_one_loop(%x: memref<?x?x48xf32>, %o: memref<?x?x48xf32>) {
  linalg.generic {indexing_maps = [#id3, #id3], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%x : memref<?x?x48xf32>) outs(%o : memref<?x?x48xf32>) {
  ^bb0(%a: f32, %u: f32):
    %s = arith.addf %a, %a : f32
    linalg.yield %s : f32
  }
  return
}

// The mask does not move with the inner loop: it is loaded before.
// CHECK-LABEL: func @invariant_input_is_hoisted
// CHECK: scf.parallel (%[[I:.*]]) =
// CHECK: %[[M:.*]] = memref.load %{{.*}}[%[[I]]] : memref<?xi64>
// CHECK: scf.for %[[J:.*]] =
// CHECK: memref.load %{{.*}}[%[[I]], %[[J]]] : memref<?x48xf32>
// CHECK: memref.load %{{.*}}[%[[J]]] : memref<48xf32>
// CHECK: arith.sitofp %[[M]]
// CHECK: winnow.grain = 342
func.func @invariant_input_is_hoisted(%x: memref<?x?x48xf32>, %bias: memref<48xf32>,
                                      %m: memref<?x?xi64>, %o: memref<?x?x48xf32>) {
  linalg.generic {indexing_maps = [#id3, #d, #bs, #id3], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%x, %bias, %m : memref<?x?x48xf32>, memref<48xf32>, memref<?x?xi64>) outs(%o : memref<?x?x48xf32>) {
  ^bb0(%a: f32, %c: f32, %i: i64, %u: f32):
    %s = arith.addf %a, %c : f32
    %f = arith.sitofp %i : i64 to f32
    %r = arith.mulf %s, %f : f32
    linalg.yield %r : f32
  }
  return
}

// CHECK-LABEL: func @middle_axis_sum_keeps_columns_inside
// CHECK-SAME: %[[X:.*]]: memref<?x?x384xf32>, %[[O:.*]]: memref<?x384xf32>
// CHECK: scf.parallel
// CHECK: scf.for %[[S:.*]] = %{{.*}} to %{{.*}} step
// CHECK-NEXT: scf.for %[[D:.*]] = %{{.*}} to %{{.*}} step
// CHECK-DAG: memref.load %[[X]][%{{.*}}, %[[S]], %[[D]]]
// CHECK-DAG: memref.load %[[O]][%[[B:.*]], %[[D]]]
// CHECK: arith.addf {{.*}} fastmath<reassoc,contract>
// CHECK: memref.store %{{.*}}, %[[O]][%[[B]], %[[D]]]
func.func @middle_axis_sum_keeps_columns_inside(%x: memref<?x?x384xf32>, %o: memref<?x384xf32>) {
  linalg.generic {indexing_maps = [#id3, #bd], iterator_types = ["parallel", "reduction", "parallel"]}
    ins(%x : memref<?x?x384xf32>) outs(%o : memref<?x384xf32>) {
  ^bb0(%a: f32, %u: f32):
    %s = arith.addf %a, %u : f32
    linalg.yield %s : f32
  }
  return
}

// CHECK-LABEL: func @last_axis_sum_stays_in_registers
// CHECK: scf.parallel (%[[I:.*]]) =
// CHECK: %[[INIT:.*]] = memref.load %{{.*}}[%[[I]]]
// CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args(%[[ACC:.*]] = %[[INIT]]) -> (f32)
// CHECK: %[[P:.*]] = arith.mulf {{.*}} fastmath<contract>
// CHECK: arith.addf %[[ACC]], %[[P]] fastmath<reassoc,contract>
// CHECK: memref.store %[[SUM]], %{{.*}}[%[[I]]]
func.func @last_axis_sum_stays_in_registers(%x: memref<?x?x384xf32>, %o: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [#id3, #bs], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x : memref<?x?x384xf32>) outs(%o : memref<?x?xf32>) {
  ^bb0(%a: f32, %u: f32):
    %p = arith.mulf %a, %a : f32
    %s = arith.addf %u, %p : f32
    linalg.yield %s : f32
  }
  return
}

// NaN must get through a maximum, so it takes no flags.
// CHECK-LABEL: func @maximum_is_exact
// CHECK: arith.maximumf
// CHECK-NOT: fastmath
// CHECK: return
func.func @maximum_is_exact(%x: memref<?x?x384xf32>, %o: memref<?x?xf32>) {
  linalg.generic {indexing_maps = [#id3, #bs], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x : memref<?x?x384xf32>) outs(%o : memref<?x?xf32>) {
  ^bb0(%a: f32, %u: f32):
    %s = arith.maximumf %u, %a : f32
    linalg.yield %s : f32
  }
  return
}

// CHECK-LABEL: func @transpose_is_tiled
// CHECK: scf.parallel
// CHECK: arith.minui
// CHECK: arith.minui
// CHECK: scf.for %[[D:.*]] =
// CHECK-NEXT: scf.for %[[S:.*]] =
// CHECK-NEXT: memref.load %{{.*}}[%[[B:.*]], %[[S]], %[[D]]]
// CHECK-NEXT: memref.store %{{.*}}[%[[B]], %[[D]], %[[S]]]
func.func @transpose_is_tiled(%x: memref<?x?x64xf32>, %o: memref<?x64x?xf32>) {
  linalg.transpose ins(%x : memref<?x?x64xf32>) outs(%o : memref<?x64x?xf32>) permutation = [0, 2, 1]
  return
}

// CHECK-LABEL: func @small_work_is_not_shared
// CHECK-NOT: scf.parallel
// CHECK: scf.for
func.func @small_work_is_not_shared(%o: memref<8x8xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%o : memref<8x8xf32>)
  return
}

// CHECK-LABEL: func @scalar_has_no_loop
// CHECK-NOT: scf
// CHECK: memref.store
func.func @scalar_has_no_loop(%o: memref<f32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%o : memref<f32>)
  return
}

// The index is asked for, so its dimension cannot be collapsed.
// CHECK-LABEL: func @index_of_a_dimension
// CHECK: scf.parallel (%[[I:.*]]) =
// CHECK: scf.for %[[J:.*]] =
// CHECK: arith.index_cast %[[J]]
// CHECK: memref.store %{{.*}}[%[[I]], %[[J]]]
func.func @index_of_a_dimension(%o: memref<?x?xi64>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
    outs(%o : memref<?x?xi64>) {
  ^bb0(%u: i64):
    %i = linalg.index 1 : index
    %c = arith.index_cast %i : index to i64
    linalg.yield %c : i64
  }
  return
}

// CHECK-LABEL: func @small_dense_copy_is_left_for_memcpy
// CHECK-NEXT: memref.copy
// CHECK-NEXT: return
func.func @small_dense_copy_is_left_for_memcpy(%x: memref<4x4xf32>, %y: memref<4x4xf32>) {
  memref.copy %x, %y : memref<4x4xf32> to memref<4x4xf32>
  return
}

// CHECK-LABEL: func @strided_copy
// CHECK-NOT: memref.copy
// CHECK: scf.for
// CHECK: scf.for
// CHECK: memref.store
func.func @strided_copy(%x: memref<4x4xf32>, %y: memref<4x4xf32, strided<[8, 1]>>) {
  memref.copy %x, %y : memref<4x4xf32> to memref<4x4xf32, strided<[8, 1]>>
  return
}

// Several points write one element: nothing may run in parallel.
// CHECK-LABEL: func @race_is_serial
// CHECK-NOT: scf.parallel
// CHECK: memref.store
func.func @race_is_serial(%x: memref<?xf32>, %o: memref<1xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (0)>], iterator_types = ["parallel"]}
    ins(%x : memref<?xf32>) outs(%o : memref<1xf32>) {
  ^bb0(%a: f32, %u: f32):
    linalg.yield %a : f32
  }
  return
}

// CHECK-LABEL: func @no_linalg_is_left_alone
// CHECK-NEXT: return
func.func @no_linalg_is_left_alone(%x: memref<?xf32>) {
  return
}

// -----

func.func @tensors_are_refused(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{expected buffers only; bufferise before codegen}}
  %r = linalg.copy ins(%x : tensor<4xf32>) outs(%y : tensor<4xf32>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

func.func @unstructured_is_refused(%x: memref<4x4xf32>, %y: memref<4x4xf32>) {
  // expected-error@+1 {{is not a structured op on buffers and has no lowering to loops}}
  linalg.softmax dimension(1) ins(%x : memref<4x4xf32>) outs(%y : memref<4x4xf32>)
  return
}

// -----

func.func @unranked_copy_is_refused(%x: memref<*xf32>, %y: memref<*xf32>) {
  // expected-error@+1 {{expected ranked buffers, got 'memref<*xf32>' and 'memref<*xf32>'}}
  memref.copy %x, %y : memref<*xf32> to memref<*xf32>
  return
}
