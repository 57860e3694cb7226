// RUN: winnow-opt %s --split-input-file --winnow-raise-rotary --canonicalize | FileCheck %s

!x = tensor<?x4x?x8xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 8)>>
!h = tensor<?x4x?x4xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 4)>>
!angles = tensor<?x1x?x8xf32, affine_map<()[s0, s1] -> (s0, 1, s1, 8)>>
!freqs = tensor<?x?x4xf32, affine_map<()[s0, s1] -> (s0, s1, 4)>>
!emb = tensor<?x?x8xf32, affine_map<()[s0, s1] -> (s0, s1, 8)>>

// Llama's rotate_half, with cos and sin of positions that were doubled.
// CHECK: code = "rotary.raised"
// CHECK-LABEL: func @rotate_half
// CHECK-DAG: %[[C:.*]] = winnow.cos %arg1 : (tensor<?x?x4xf32
// CHECK-DAG: %[[S:.*]] = winnow.sin %arg1
// CHECK-DAG: %[[C4:.*]] = winnow.reshape %[[C]] : {{.*}} -> tensor<?x1x?x4xf32
// CHECK-DAG: %[[S4:.*]] = winnow.reshape %[[S]]
// CHECK: %[[R:.*]] = winnow.rotary %arg0, %[[C4]], %[[S4]] :
// CHECK-NEXT: return %[[R]]
func.func @rotate_half(%x: !x, %freqs: !freqs) -> !x {
  %e = winnow.concat %freqs, %freqs {axis = 2 : i64} : (!freqs, !freqs) -> !emb
  %c = winnow.cos %e : (!emb) -> !emb
  %s = winnow.sin %e : (!emb) -> !emb
  %c4 = winnow.reshape %c : (!emb) -> !angles
  %s4 = winnow.reshape %s : (!emb) -> !angles
  %lo = winnow.slice %x at affine_map<() -> (0, 0, 0, 0)> step [1, 1, 1, 1] : (!x) -> !h
  %hi = winnow.slice %x at affine_map<() -> (0, 0, 0, 4)> step [1, 1, 1, 1] : (!x) -> !h
  %n = winnow.neg %hi : (!h) -> !h
  %r = winnow.concat %n, %lo {axis = 3 : i64} : (!h, !h) -> !x
  %0 = winnow.mul %x, %c4 : (!x, !angles) -> !x
  %1 = winnow.mul %r, %s4 : (!x, !angles) -> !x
  %2 = winnow.add %0, %1 : (!x, !x) -> !x
  return %2 : !x
}

// -----

!x = tensor<?x4x?x8xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 8)>>
!h = tensor<?x4x?x4xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 4)>>
!angles = tensor<?x1x?x8xf32, affine_map<()[s0, s1] -> (s0, 1, s1, 8)>>
!freqs = tensor<?x?x4xf32, affine_map<()[s0, s1] -> (s0, s1, 4)>>
!emb = tensor<?x?x8xf32, affine_map<()[s0, s1] -> (s0, s1, 8)>>

// A table whose rows are halves that are equal, looked up; products and sum the
// other way round, and the negation as a product.
// CHECK-LABEL: func @table
// CHECK: %[[T:.*]] = winnow.slice %{{.*}} : (tensor<2x8xf32>) -> tensor<2x4xf32>
// CHECK: winnow.gather %[[T]], %arg1 {axis = 0 : i64}
// CHECK: winnow.rotary %arg0
func.func @table(%x: !x, %p: tensor<?x?xi64, affine_map<()[s0, s1] -> (s0, s1)>>) -> !x {
  %t = winnow.constant dense<[[0.1, 0.2, 0.3, 0.4, 0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]]> : tensor<2x8xf32>
  %minus = winnow.constant dense<-1.0> : tensor<f32>
  %c = winnow.gather %t, %p {axis = 0 : i64} : (tensor<2x8xf32>, tensor<?x?xi64, affine_map<()[s0, s1] -> (s0, s1)>>) -> !emb
  %c4 = winnow.reshape %c : (!emb) -> !angles
  %lo = winnow.slice %x at affine_map<() -> (0, 0, 0, 0)> step [1, 1, 1, 1] : (!x) -> !h
  %hi = winnow.slice %x at affine_map<() -> (0, 0, 0, 4)> step [1, 1, 1, 1] : (!x) -> !h
  %n = winnow.mul %hi, %minus : (!h, tensor<f32>) -> !h
  %r = winnow.concat %n, %lo {axis = 3 : i64} : (!h, !h) -> !x
  %0 = winnow.mul %c4, %x : (!angles, !x) -> !x
  %1 = winnow.mul %c4, %r : (!angles, !x) -> !x
  %2 = winnow.add %1, %0 : (!x, !x) -> !x
  return %2 : !x
}

// -----

!x = tensor<?x4x?x8xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 8)>>
!h = tensor<?x4x?x4xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 4)>>
!angles = tensor<?x1x?x8xf32, affine_map<()[s0, s1] -> (s0, 1, s1, 8)>>
!freqs = tensor<?x?x4xf32, affine_map<()[s0, s1] -> (s0, s1, 4)>>
!emb = tensor<?x?x8xf32, affine_map<()[s0, s1] -> (s0, s1, 8)>>

// A table in which they differ.
// CHECK: applied = false, code = "rotary.angles"
// CHECK-LABEL: func @other_table
// CHECK-NOT: winnow.rotary
func.func @other_table(%x: !x, %p: tensor<?x?xi64, affine_map<()[s0, s1] -> (s0, s1)>>) -> !x {
  %t = winnow.constant dense<[[0.1, 0.2, 0.3, 0.4, 0.1, 0.2, 0.3, 0.5], [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]]> : tensor<2x8xf32>
  %c = winnow.gather %t, %p {axis = 0 : i64} : (tensor<2x8xf32>, tensor<?x?xi64, affine_map<()[s0, s1] -> (s0, s1)>>) -> !emb
  %c4 = winnow.reshape %c : (!emb) -> !angles
  %lo = winnow.slice %x at affine_map<() -> (0, 0, 0, 0)> step [1, 1, 1, 1] : (!x) -> !h
  %hi = winnow.slice %x at affine_map<() -> (0, 0, 0, 4)> step [1, 1, 1, 1] : (!x) -> !h
  %n = winnow.neg %hi : (!h) -> !h
  %r = winnow.concat %n, %lo {axis = 3 : i64} : (!h, !h) -> !x
  %0 = winnow.mul %c4, %x : (!angles, !x) -> !x
  %1 = winnow.mul %c4, %r : (!angles, !x) -> !x
  %2 = winnow.add %1, %0 : (!x, !x) -> !x
  return %2 : !x
}

// -----

!x = tensor<2x5x8xf32>
!h = tensor<2x5x4xf32>
!u = tensor<2x5x4x1xf32>
!p = tensor<2x5x4x2xf32>

// GPT-J's rotate_every_two: neighbours, a stack, and repeated angles.
// CHECK-LABEL: func @neighbours
// CHECK: winnow.rotary %arg0, %{{.*}}, %{{.*}} {interleaved} : (tensor<2x5x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>)
// CHECK-NEXT: return
func.func @neighbours(%x: !x, %cos: tensor<5x4xf32>, %sin: tensor<5x4xf32>) -> !x {
  %cu = winnow.reshape %cos : (tensor<5x4xf32>) -> tensor<5x4x1xf32>
  %cr = winnow.broadcast_to %cu : (tensor<5x4x1xf32>) -> tensor<5x4x2xf32>
  %c = winnow.reshape %cr : (tensor<5x4x2xf32>) -> tensor<5x8xf32>
  %su = winnow.reshape %sin : (tensor<5x4xf32>) -> tensor<5x4x1xf32>
  %sr = winnow.concat %su, %su {axis = 2 : i64} : (tensor<5x4x1xf32>, tensor<5x4x1xf32>) -> tensor<5x4x2xf32>
  %s = winnow.reshape %sr : (tensor<5x4x2xf32>) -> tensor<5x8xf32>
  %even = winnow.slice %x at affine_map<() -> (0, 0, 0)> step [1, 1, 2] : (!x) -> !h
  %odd = winnow.slice %x at affine_map<() -> (0, 0, 1)> step [1, 1, 2] : (!x) -> !h
  %n = winnow.neg %odd : (!h) -> !h
  %nu = winnow.reshape %n : (!h) -> !u
  %eu = winnow.reshape %even : (!h) -> !u
  %r2 = winnow.concat %nu, %eu {axis = 3 : i64} : (!u, !u) -> !p
  %r = winnow.reshape %r2 : (!p) -> !x
  %0 = winnow.mul %x, %c : (!x, tensor<5x8xf32>) -> !x
  %1 = winnow.mul %r, %s : (!x, tensor<5x8xf32>) -> !x
  %2 = winnow.add %0, %1 : (!x, !x) -> !x
  return %2 : !x
}

// -----

!x = tensor<2x5x8xf32>
!p = tensor<2x5x4x2xf32>
!h = tensor<2x5x4xf32>
!u = tensor<2x5x4x1xf32>

// Pairs that a reshape makes, taken apart by gathers, and one angle a pair.
// CHECK-LABEL: func @pairs
// CHECK-NEXT: %[[R:.*]] = winnow.rotary %arg0, %arg1, %arg2 {interleaved}
// CHECK-NEXT: return %[[R]]
func.func @pairs(%x: !x, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>) -> !x {
  %zero = winnow.constant dense<0> : tensor<i64>
  %last = winnow.constant dense<-1> : tensor<i64>
  %p = winnow.reshape %x : (!x) -> !p
  %a = winnow.gather %p, %zero {axis = 3 : i64} : (!p, tensor<i64>) -> !h
  %b = winnow.gather %p, %last {axis = 3 : i64} : (!p, tensor<i64>) -> !h
  %0 = winnow.mul %a, %c : (!h, tensor<5x4xf32>) -> !h
  %1 = winnow.mul %b, %s : (!h, tensor<5x4xf32>) -> !h
  %2 = winnow.sub %0, %1 : (!h, !h) -> !h
  %3 = winnow.mul %a, %s : (!h, tensor<5x4xf32>) -> !h
  %4 = winnow.mul %b, %c : (!h, tensor<5x4xf32>) -> !h
  %5 = winnow.add %3, %4 : (!h, !h) -> !h
  %6 = winnow.reshape %2 : (!h) -> !u
  %7 = winnow.reshape %5 : (!h) -> !u
  %8 = winnow.concat %6, %7 {axis = 3 : i64} : (!u, !u) -> !p
  %9 = winnow.reshape %8 : (!p) -> !x
  return %9 : !x
}

// -----

!x = tensor<2x5x10xf32>
!r = tensor<2x5x8xf32>
!h = tensor<2x5x4xf32>

// Partial rotary: the elements after the turned ones are part of the op.
// CHECK: sentence = "raised to rotary of 8 of 10 elements"
// CHECK-LABEL: func @partial
// CHECK-NEXT: %[[R:.*]] = winnow.rotary %arg0, %arg1, %arg2 : (tensor<2x5x10xf32>, tensor<5x4xf32>, tensor<5x4xf32>)
// CHECK-NEXT: return %[[R]]
func.func @partial(%x: !x, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>) -> !x {
  %t = winnow.slice %x at affine_map<() -> (0, 0, 0)> step [1, 1, 1] : (!x) -> !r
  %rest = winnow.slice %x at affine_map<() -> (0, 0, 8)> step [1, 1, 1] : (!x) -> tensor<2x5x2xf32>
  %a = winnow.slice %t at affine_map<() -> (0, 0, 0)> step [1, 1, 1] : (!r) -> !h
  %b = winnow.slice %t at affine_map<() -> (0, 0, 4)> step [1, 1, 1] : (!r) -> !h
  %0 = winnow.mul %a, %c : (!h, tensor<5x4xf32>) -> !h
  %1 = winnow.mul %b, %s : (!h, tensor<5x4xf32>) -> !h
  %2 = winnow.sub %0, %1 : (!h, !h) -> !h
  %3 = winnow.mul %b, %c : (!h, tensor<5x4xf32>) -> !h
  %4 = winnow.mul %a, %s : (!h, tensor<5x4xf32>) -> !h
  %5 = winnow.add %3, %4 : (!h, !h) -> !h
  %6 = winnow.concat %2, %5 {axis = 2 : i64} : (!h, !h) -> !r
  %7 = winnow.concat %6, %rest {axis = 2 : i64} : (!r, tensor<2x5x2xf32>) -> !x
  return %7 : !x
}

// -----

!x = tensor<2x5x8xf32>
!h = tensor<2x5x4xf32>

// A sum where the difference should be mirrors the pair.
// CHECK-LABEL: func @mirrored
// CHECK-NOT: winnow.rotary
func.func @mirrored(%x: !x, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>) -> !x {
  %a = winnow.slice %x at affine_map<() -> (0, 0, 0)> step [1, 1, 1] : (!x) -> !h
  %b = winnow.slice %x at affine_map<() -> (0, 0, 4)> step [1, 1, 1] : (!x) -> !h
  %0 = winnow.mul %a, %c : (!h, tensor<5x4xf32>) -> !h
  %1 = winnow.mul %b, %s : (!h, tensor<5x4xf32>) -> !h
  %2 = winnow.add %0, %1 : (!h, !h) -> !h
  %3 = winnow.mul %b, %c : (!h, tensor<5x4xf32>) -> !h
  %4 = winnow.mul %a, %s : (!h, tensor<5x4xf32>) -> !h
  %5 = winnow.add %3, %4 : (!h, !h) -> !h
  %6 = winnow.concat %2, %5 {axis = 2 : i64} : (!h, !h) -> !x
  return %6 : !x
}
