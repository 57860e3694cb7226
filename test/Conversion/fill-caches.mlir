// RUN: winnow-opt %s --winnow-fill-caches | FileCheck %s

// What an attention reads of a past, it copies itself; new rows stay where they are written.

// CHECK: code = "fill-caches.filled"
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[Q:.*]]: memref<1x1x4x8xf32>, %[[PK:.*]]: memref<1x4x5x8xf32>, %[[PV:.*]]: memref<1x4x5x8xf32>, %[[NEW:.*]]: memref<1x4x1x8xf32>, %[[K:.*]]: memref<1x4x6x8xf32>, %[[V:.*]]: memref<1x4x6x8xf32>, %[[O:.*]]: memref<1x1x4x8xf32>
// CHECK-NOT: memref.copy %[[PK]]
// CHECK-NOT: memref.copy %[[PV]]
// CHECK: winnow.kernel "attention" ins(%[[Q]], %[[PK]], %[[PV]] : {{.*}}) outs(%[[K]], %[[V]], %[[O]] : {{.*}}) {in_place = true, key_heads_first = true, past = true, value_heads_first = true}
func.func @step(%q: memref<1x1x4x8xf32>, %pk: memref<1x4x5x8xf32>, %pv: memref<1x4x5x8xf32>, %new: memref<1x4x1x8xf32>,
                %k: memref<1x4x6x8xf32>, %v: memref<1x4x6x8xf32>, %o: memref<1x1x4x8xf32>) {
  %k0 = memref.subview %k[0, 0, 0, 0] [1, 4, 5, 8] [1, 1, 1, 1] : memref<1x4x6x8xf32> to memref<1x4x5x8xf32, strided<[192, 48, 8, 1]>>
  memref.copy %pk, %k0 : memref<1x4x5x8xf32> to memref<1x4x5x8xf32, strided<[192, 48, 8, 1]>>
  %k1 = memref.subview %k[0, 0, 5, 0] [1, 4, 1, 8] [1, 1, 1, 1] : memref<1x4x6x8xf32> to memref<1x4x1x8xf32, strided<[192, 48, 8, 1], offset: 40>>
  memref.copy %new, %k1 : memref<1x4x1x8xf32> to memref<1x4x1x8xf32, strided<[192, 48, 8, 1], offset: 40>>
  %v0 = memref.subview %v[0, 0, 0, 0] [1, 4, 5, 8] [1, 1, 1, 1] : memref<1x4x6x8xf32> to memref<1x4x5x8xf32, strided<[192, 48, 8, 1]>>
  memref.copy %pv, %v0 : memref<1x4x5x8xf32> to memref<1x4x5x8xf32, strided<[192, 48, 8, 1]>>
  %v1 = memref.subview %v[0, 0, 5, 0] [1, 4, 1, 8] [1, 1, 1, 1] : memref<1x4x6x8xf32> to memref<1x4x1x8xf32, strided<[192, 48, 8, 1], offset: 40>>
  memref.copy %new, %v1 : memref<1x4x1x8xf32> to memref<1x4x1x8xf32, strided<[192, 48, 8, 1], offset: 40>>
  winnow.kernel "attention" ins(%q, %k, %v : memref<1x1x4x8xf32>, memref<1x4x6x8xf32>, memref<1x4x6x8xf32>) outs(%o : memref<1x1x4x8xf32>) {key_heads_first = true, value_heads_first = true}
  return
}

// Sizes of outputs are not known: the batch is that of the queries.

// CHECK-LABEL: func.func @dynamic
// CHECK-NOT: memref.copy
// CHECK: winnow.kernel "attention" ins(%{{.*}}, %arg4, %arg5 : {{.*}}) outs(%arg6, %arg7, %arg8 : {{.*}}) {in_place = true, past = true}
func.func @dynamic(%batch: index, %past: index, %new: index, %q: memref<?x32xf32>, %pk: memref<?x?x4x8xf32>, %pv: memref<?x?x4x8xf32>,
                   %k: memref<?x?x4x8xf32>, %v: memref<?x?x4x8xf32>, %o: memref<?x?x4x8xf32>) {
  %k0 = memref.subview %k[0, 0, 0, 0] [%batch, %past, 4, 8] [1, 1, 1, 1] : memref<?x?x4x8xf32> to memref<?x?x4x8xf32, strided<[?, 32, 8, 1]>>
  memref.copy %pk, %k0 : memref<?x?x4x8xf32> to memref<?x?x4x8xf32, strided<[?, 32, 8, 1]>>
  %v0 = memref.subview %v[0, 0, 0, 0] [%batch, %past, 4, 8] [1, 1, 1, 1] : memref<?x?x4x8xf32> to memref<?x?x4x8xf32, strided<[?, 32, 8, 1]>>
  memref.copy %pv, %v0 : memref<?x?x4x8xf32> to memref<?x?x4x8xf32, strided<[?, 32, 8, 1]>>
  %heads = memref.expand_shape %q [[0, 1], [2, 3]] output_shape [%batch, %new, 4, 8] : memref<?x32xf32> into memref<?x?x4x8xf32>
  winnow.kernel "attention" ins(%heads, %k, %v : memref<?x?x4x8xf32>, memref<?x?x4x8xf32>, memref<?x?x4x8xf32>) outs(%o : memref<?x?x4x8xf32>) {}
  return
}

// CHECK-LABEL: func.func @part_of_the_batch
// CHECK-COUNT-2: memref.copy
// CHECK-NOT: past = true
func.func @part_of_the_batch(%few: index, %past: index, %q: memref<3x1x4x8xf32>, %pk: memref<?x?x4x8xf32>, %pv: memref<?x?x4x8xf32>,
                             %k: memref<?x?x4x8xf32>, %v: memref<?x?x4x8xf32>, %o: memref<3x1x4x8xf32>) {
  %k0 = memref.subview %k[0, 0, 0, 0] [%few, %past, 4, 8] [1, 1, 1, 1] : memref<?x?x4x8xf32> to memref<?x?x4x8xf32, strided<[?, 32, 8, 1]>>
  memref.copy %pk, %k0 : memref<?x?x4x8xf32> to memref<?x?x4x8xf32, strided<[?, 32, 8, 1]>>
  %v0 = memref.subview %v[0, 0, 0, 0] [%few, %past, 4, 8] [1, 1, 1, 1] : memref<?x?x4x8xf32> to memref<?x?x4x8xf32, strided<[?, 32, 8, 1]>>
  memref.copy %pv, %v0 : memref<?x?x4x8xf32> to memref<?x?x4x8xf32, strided<[?, 32, 8, 1]>>
  winnow.kernel "attention" ins(%q, %k, %v : memref<3x1x4x8xf32>, memref<?x?x4x8xf32>, memref<?x?x4x8xf32>) outs(%o : memref<3x1x4x8xf32>) {}
  return
}

// Something reads what was copied before the attention does.

// CHECK-LABEL: func.func @read_before
// CHECK-COUNT-2: memref.copy
// CHECK-NOT: past = true
func.func @read_before(%q: memref<1x1x4x8xf32>, %pk: memref<1x5x4x8xf32>, %pv: memref<1x5x4x8xf32>,
                       %k: memref<1x6x4x8xf32>, %v: memref<1x6x4x8xf32>, %o: memref<1x1x4x8xf32>, %x: memref<1x6x4x8xf32>) {
  %k0 = memref.subview %k[0, 0, 0, 0] [1, 5, 4, 8] [1, 1, 1, 1] : memref<1x6x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  memref.copy %pk, %k0 : memref<1x5x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  %v0 = memref.subview %v[0, 0, 0, 0] [1, 5, 4, 8] [1, 1, 1, 1] : memref<1x6x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  memref.copy %pv, %v0 : memref<1x5x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  memref.copy %k, %x : memref<1x6x4x8xf32> to memref<1x6x4x8xf32>
  winnow.kernel "attention" ins(%q, %k, %v : memref<1x1x4x8xf32>, memref<1x6x4x8xf32>, memref<1x6x4x8xf32>) outs(%o : memref<1x1x4x8xf32>) {}
  return
}

// The past changes meanwhile.

// CHECK-LABEL: func.func @changed
// CHECK-COUNT-2: memref.copy
// CHECK-NOT: past = true
func.func @changed(%q: memref<1x1x4x8xf32>, %pk: memref<1x5x4x8xf32>, %pv: memref<1x5x4x8xf32>,
                   %k: memref<1x6x4x8xf32>, %v: memref<1x6x4x8xf32>, %o: memref<1x1x4x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %k0 = memref.subview %k[0, 0, 0, 0] [1, 5, 4, 8] [1, 1, 1, 1] : memref<1x6x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  memref.copy %pk, %k0 : memref<1x5x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  %v0 = memref.subview %v[0, 0, 0, 0] [1, 5, 4, 8] [1, 1, 1, 1] : memref<1x6x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  memref.copy %pv, %v0 : memref<1x5x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  linalg.fill ins(%zero : f32) outs(%pk : memref<1x5x4x8xf32>)
  winnow.kernel "attention" ins(%q, %k, %v : memref<1x1x4x8xf32>, memref<1x6x4x8xf32>, memref<1x6x4x8xf32>) outs(%o : memref<1x1x4x8xf32>) {}
  return
}

// Heads that share keys read them several times.

// CHECK-LABEL: func.func @shared
// CHECK-COUNT-2: memref.copy
// CHECK-NOT: past = true
func.func @shared(%q: memref<1x1x8x8xf32>, %pk: memref<1x5x4x8xf32>, %pv: memref<1x5x4x8xf32>,
                  %k: memref<1x6x4x8xf32>, %v: memref<1x6x4x8xf32>, %o: memref<1x1x8x8xf32>) {
  %k0 = memref.subview %k[0, 0, 0, 0] [1, 5, 4, 8] [1, 1, 1, 1] : memref<1x6x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  memref.copy %pk, %k0 : memref<1x5x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  %v0 = memref.subview %v[0, 0, 0, 0] [1, 5, 4, 8] [1, 1, 1, 1] : memref<1x6x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  memref.copy %pv, %v0 : memref<1x5x4x8xf32> to memref<1x5x4x8xf32, strided<[192, 32, 8, 1]>>
  winnow.kernel "attention" ins(%q, %k, %v : memref<1x1x8x8xf32>, memref<1x6x4x8xf32>, memref<1x6x4x8xf32>) outs(%o : memref<1x1x8x8xf32>) {}
  return
}
