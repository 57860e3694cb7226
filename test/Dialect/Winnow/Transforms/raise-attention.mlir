// RUN: winnow-opt %s --split-input-file --winnow-raise-attention --winnow-simplify-idioms --canonicalize | FileCheck %s

!hidden = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!split = tensor<?x?x4x16xf32, affine_map<()[s0, s1] -> (s0, s1, 4, 16)>>
!heads = tensor<?x4x?x16xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 16)>>
!keys = tensor<?x4x16x?xf32, affine_map<()[s0, s1] -> (s0, 4, 16, s1)>>
!scores = tensor<?x4x?x?xf32, affine_map<()[s0, s1] -> (s0, 4, s1, s1)>>
!mask = tensor<?x1x1x?xf32, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>

// The eager form of both exporters: heads split, keys transposed, scores scaled,
// a mask added. All transposes disappear.
// CHECK-LABEL: func @scale_and_mask
// CHECK-SAME: %[[Q:.*]]: tensor<?x?x64xf32, #{{.*}}>, %[[K:.*]]: tensor<?x?x64xf32, #{{.*}}>, %[[V:.*]]: tensor<?x?x64xf32, #{{.*}}>, %[[M:.*]]: tensor
// CHECK-DAG: %[[Q4:.*]] = winnow.reshape %[[Q]]
// CHECK-DAG: %[[K4:.*]] = winnow.reshape %[[K]]
// CHECK-DAG: %[[V4:.*]] = winnow.reshape %[[V]]
// CHECK-NOT: transpose
// CHECK: %[[A:.*]] = winnow.attention %[[Q4]], %[[K4]], %[[V4]] mask(%[[M]]) {scale = 2.500000e-01 : f32}
// CHECK-NEXT: %[[R:.*]] = winnow.reshape %[[A]]
// CHECK-NEXT: return %[[R]]
// CHECK: code = "attention.raised"
func.func @scale_and_mask(%q: !hidden, %k: !hidden, %v: !hidden, %m: !mask) -> !hidden {
  %scale = winnow.constant dense<0.25> : tensor<f32>
  %0 = winnow.reshape %q : (!hidden) -> !split
  %1 = winnow.transpose %0 [0, 2, 1, 3] : (!split) -> !heads
  %2 = winnow.reshape %k : (!hidden) -> !split
  %3 = winnow.transpose %2 [0, 2, 3, 1] : (!split) -> !keys
  %4 = winnow.reshape %v : (!hidden) -> !split
  %5 = winnow.transpose %4 [0, 2, 1, 3] : (!split) -> !heads
  %6 = winnow.matmul %1, %3 : (!heads, !keys) -> !scores
  %7 = winnow.mul %6, %scale : (!scores, tensor<f32>) -> !scores
  %8 = winnow.add %7, %m : (!scores, !mask) -> !scores
  %9 = winnow.softmax %8 {axis = 3 : i64} : (!scores) -> !scores
  %10 = winnow.matmul %9, %5 : (!scores, !heads) -> !heads
  %11 = winnow.transpose %10 [0, 2, 1, 3] : (!heads) -> !split
  %12 = winnow.reshape %11 : (!split) -> !hidden
  return %12 : !hidden
}

// -----

!hidden = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!split = tensor<?x?x4x16xf32, affine_map<()[s0, s1] -> (s0, s1, 4, 16)>>
!heads = tensor<?x4x?x16xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 16)>>
!joint = tensor<?x?x16xf32, affine_map<()[s0, s1] -> (s0 * 4, s1, 16)>>
!jointKeys = tensor<?x16x?xf32, affine_map<()[s0, s1] -> (s0 * 4, 16, s1)>>
!keys = tensor<?x4x16x?xf32, affine_map<()[s0, s1] -> (s0, 4, 16, s1)>>
!scores = tensor<?x4x?x?xf32, affine_map<()[s0, s1] -> (s0, 4, s1, s1)>>
!bools = tensor<?x4x?x?xi1, affine_map<()[s0, s1] -> (s0, 4, s1, s1)>>
!visible = tensor<?x1x1x?xi1, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>
!mask = tensor<?x1x1x?xf32, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>

// scaled_dot_product_attention as dynamo writes it at opset 20: the square root
// of the scale on both operands, keys transposed through a joint batch and head
// dimension, NaN rows zeroed.
// CHECK-LABEL: func @sqrt_scale_and_nan_guard
// CHECK-DAG: %[[M:.*]] = winnow.select
// CHECK-NOT: transpose
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%[[M]]) {nan_to_zero, scale = 2.500000e-01 : f32}
// CHECK-NOT: transpose
func.func @sqrt_scale_and_nan_guard(%q: !hidden, %k: !hidden, %v: !hidden, %m: !visible) -> !hidden {
  %half = winnow.constant dense<0.5> : tensor<f32>
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %inf = winnow.constant dense<0xFF800000> : tensor<f32>
  %0 = winnow.reshape %q : (!hidden) -> !split
  %1 = winnow.transpose %0 [0, 2, 1, 3] : (!split) -> !heads
  %2 = winnow.reshape %k : (!hidden) -> !split
  %3 = winnow.transpose %2 [0, 2, 1, 3] : (!split) -> !heads
  %4 = winnow.reshape %v : (!hidden) -> !split
  %5 = winnow.transpose %4 [0, 2, 1, 3] : (!split) -> !heads
  %6 = winnow.reshape %3 : (!heads) -> !joint
  %7 = winnow.transpose %6 [0, 2, 1] : (!joint) -> !jointKeys
  %8 = winnow.reshape %7 : (!jointKeys) -> !keys
  %9 = winnow.mul %1, %half : (!heads, tensor<f32>) -> !heads
  %10 = winnow.mul %8, %half : (!keys, tensor<f32>) -> !keys
  %11 = winnow.select %m, %zero, %inf : (!visible, tensor<f32>, tensor<f32>) -> !mask
  %12 = winnow.matmul %9, %10 : (!heads, !keys) -> !scores
  %13 = winnow.add %12, %11 : (!scores, !mask) -> !scores
  %14 = winnow.softmax %13 {axis = 3 : i64} : (!scores) -> !scores
  %15 = winnow.is_nan %14 : (!scores) -> !bools
  %16 = winnow.select %15, %zero, %14 : (!bools, tensor<f32>, !scores) -> !scores
  %17 = winnow.matmul %16, %5 : (!scores, !heads) -> !heads
  %18 = winnow.transpose %17 [0, 2, 1, 3] : (!heads) -> !split
  %19 = winnow.reshape %18 : (!split) -> !hidden
  return %19 : !hidden
}

// -----

// Scores filled with minus infinity become a boolean mask, of the smallest shape.
// CHECK-LABEL: func @select_infinity
// CHECK-SAME: %[[M:[a-z0-9]*]]: tensor<2x1x1x5xi1>)
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%[[M]]) {scale = 1.000000e+00 : f32}
func.func @select_infinity(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<2x1x1x5xi1>) -> tensor<2x4x5x8xf32> {
  %inf = winnow.constant dense<0xFF800000> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.broadcast_to %m : (tensor<2x1x1x5xi1>) -> tensor<2x4x5x5xi1>
  %2 = winnow.select %1, %0, %inf : (tensor<2x4x5x5xi1>, tensor<2x4x5x5xf32>, tensor<f32>) -> tensor<2x4x5x5xf32>
  %3 = winnow.softmax %2 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %4 = winnow.matmul %3, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %4 : tensor<2x4x5x8xf32>
}

// -----

// Conditions that say hidden. The finite fill comes last and replaces minus
// infinity, as in the model.
// CHECK-LABEL: func @select_hidden
// CHECK-SAME: %[[H:[a-z0-9]*]]: tensor<2x1x1x5xi1>, %[[F:[a-z0-9]*]]: tensor<2x1x5x5xi1>)
// CHECK-DAG: %[[ZERO:.*]] = winnow.constant dense<0.000000e+00> : tensor<f32>
// CHECK-DAG: %[[LOW:.*]] = winnow.constant dense<-3.40282347E+38> : tensor<f32>
// CHECK-DAG: %[[INF:.*]] = winnow.constant dense<0xFF800000> : tensor<f32>
// CHECK-DAG: %[[INNER:.*]] = winnow.select %[[H]], %[[INF]], %[[ZERO]]
// CHECK-DAG: %[[MASK:.*]] = winnow.select %[[F]], %[[LOW]], %[[INNER]]
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%[[MASK]])
func.func @select_hidden(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %h: tensor<2x1x1x5xi1>, %f: tensor<2x1x5x5xi1>) -> tensor<2x4x5x8xf32> {
  %inf = winnow.constant dense<0xFF800000> : tensor<f32>
  %low = winnow.constant dense<-1.0e9> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.select %h, %inf, %0 : (tensor<2x1x1x5xi1>, tensor<f32>, tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %2 = winnow.select %f, %low, %1 : (tensor<2x1x5x5xi1>, tensor<f32>, tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %3 = winnow.softmax %2 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %4 = winnow.matmul %3, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %4 : tensor<2x4x5x8xf32>
}

// -----

!hidden = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!split = tensor<?x?x4x16xf32, affine_map<()[s0, s1] -> (s0, s1, 4, 16)>>
!heads = tensor<?x4x?x16xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 16)>>
!qkv = tensor<?x?x192xf32, affine_map<()[s0, s1] -> (s0, s1, 192)>>
!five = tensor<?x?x3x4x16xf32, affine_map<()[s0, s1] -> (s0, s1, 3, 4, 16)>>
!perm = tensor<3x?x4x?x16xf32, affine_map<()[s0, s1] -> (3, s0, 4, s1, 16)>>
!one = tensor<1x?x4x?x16xf32, affine_map<()[s0, s1] -> (1, s0, 4, s1, 16)>>
!keys = tensor<?x4x16x?xf32, affine_map<()[s0, s1] -> (s0, 4, 16, s1)>>
!scores = tensor<?x4x?x?xf32, affine_map<()[s0, s1] -> (s0, 4, s1, s1)>>
!factor = tensor<?x1x1x?xf32, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>

// A joint projection, unbound by slices of its transpose: three slices of the
// last dimension are left. The factor of the scores scales keys.
// CHECK-LABEL: func @joint_projection
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<?x?x192xf32, #{{[a-z0-9]*}}>, %[[F:[a-z0-9]*]]: tensor<?x1x1x?xf32, #{{[a-z0-9]*}}>, %[[M:[a-z0-9]*]]: tensor
// CHECK-DAG: winnow.slice %[[X]] at #{{.*}} step [1, 1, 1]
// CHECK-DAG: %[[N:.*]] = winnow.neg %[[M]]
// CHECK-DAG: %[[FK:.*]] = winnow.reshape %[[F]]
// CHECK-DAG: %[[K:.*]] = winnow.mul %{{.*}}, %[[FK]]
// CHECK-NOT: transpose
// CHECK: winnow.attention %{{.*}}, %[[K]], %{{.*}} mask(%[[N]]) {scale = 2.500000e-01 : f32}
// CHECK-NOT: transpose
// CHECK: return
func.func @joint_projection(%x: !qkv, %f: !factor, %m: !factor) -> !hidden {
  %scale = winnow.constant dense<4.0> : tensor<f32>
  %0 = winnow.reshape %x : (!qkv) -> !five
  %1 = winnow.transpose %0 [2, 0, 3, 1, 4] : (!five) -> !perm
  %2 = winnow.slice %1 at affine_map<() -> (0, 0, 0, 0, 0)> step [1, 1, 1, 1, 1] : (!perm) -> !one
  %3 = winnow.reshape %2 : (!one) -> !heads
  %4 = winnow.slice %1 at affine_map<() -> (1, 0, 0, 0, 0)> step [1, 1, 1, 1, 1] : (!perm) -> !one
  %5 = winnow.reshape %4 : (!one) -> !heads
  %6 = winnow.slice %1 at affine_map<() -> (2, 0, 0, 0, 0)> step [1, 1, 1, 1, 1] : (!perm) -> !one
  %7 = winnow.reshape %6 : (!one) -> !heads
  %8 = winnow.transpose %5 [0, 1, 3, 2] : (!heads) -> !keys
  %9 = winnow.matmul %3, %8 : (!heads, !keys) -> !scores
  %10 = winnow.div %9, %scale : (!scores, tensor<f32>) -> !scores
  %11 = winnow.mul %10, %f : (!scores, !factor) -> !scores
  %12 = winnow.sub %11, %m : (!scores, !factor) -> !scores
  %13 = winnow.softmax %12 {axis = 3 : i64} : (!scores) -> !scores
  %14 = winnow.matmul %13, %7 : (!scores, !heads) -> !heads
  %15 = winnow.transpose %14 [0, 2, 1, 3] : (!heads) -> !split
  %16 = winnow.reshape %15 : (!split) -> !hidden
  return %16 : !hidden
}

// -----

!joint = tensor<?x?x16xf32, affine_map<()[s0, s1] -> (s0 * 4, s1, 16)>>
!jointKeys = tensor<?x16x?xf32, affine_map<()[s0, s1] -> (s0 * 4, 16, s1)>>
!hidden = tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
!split = tensor<?x?x4x16xf32, affine_map<()[s0, s1] -> (s0, s1, 4, 16)>>
!heads = tensor<?x4x?x16xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 16)>>
!scores = tensor<?x?x?xf32, affine_map<()[s0, s1] -> (s0 * 4, s1, s1)>>
!mask = tensor<?x1x?xf32, affine_map<()[s0, s1] -> (s0 * 4, 1, s1)>>
!small = tensor<?x1x1x?xf32, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>
!perHead = tensor<?x4x1x?xf32, affine_map<()[s0, s1] -> (s0, 4, 1, s1)>>

// Batch and heads in one dimension, found again in the reshapes above.
// CHECK-LABEL: func @joint_heads
// CHECK-SAME: %[[M:[a-z0-9]*]]: tensor<?x1x1x?xf32, #{{.*}}>)
// CHECK-NOT: transpose
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%[[M]]) {scale = 1.250000e-01 : f32} : (tensor<?x?x4x16xf32
// CHECK-NOT: transpose
// CHECK: return
func.func @joint_heads(%q: !hidden, %k: !hidden, %v: !hidden, %m: !small) -> !hidden {
  %scale = winnow.constant dense<0.125> : tensor<f32>
  %0 = winnow.reshape %q : (!hidden) -> !split
  %1 = winnow.transpose %0 [0, 2, 1, 3] : (!split) -> !heads
  %2 = winnow.reshape %1 : (!heads) -> !joint
  %3 = winnow.mul %2, %scale : (!joint, tensor<f32>) -> !joint
  %4 = winnow.reshape %k : (!hidden) -> !split
  %5 = winnow.transpose %4 [0, 2, 1, 3] : (!split) -> !heads
  %6 = winnow.reshape %5 : (!heads) -> !joint
  %7 = winnow.transpose %6 [0, 2, 1] : (!joint) -> !jointKeys
  %8 = winnow.reshape %v : (!hidden) -> !split
  %9 = winnow.transpose %8 [0, 2, 1, 3] : (!split) -> !heads
  %10 = winnow.reshape %9 : (!heads) -> !joint
  %11 = winnow.broadcast_to %m : (!small) -> !perHead
  %12 = winnow.reshape %11 : (!perHead) -> !mask
  %13 = winnow.matmul %3, %7 : (!joint, !jointKeys) -> !scores
  %14 = winnow.add %12, %13 : (!mask, !scores) -> !scores
  %15 = winnow.softmax %14 {axis = 2 : i64} : (!scores) -> !scores
  %16 = winnow.matmul %15, %10 : (!scores, !joint) -> !joint
  %17 = winnow.reshape %16 : (!joint) -> !heads
  %18 = winnow.transpose %17 [0, 2, 1, 3] : (!heads) -> !split
  %19 = winnow.reshape %18 : (!split) -> !hidden
  return %19 : !hidden
}

// -----

// A classifier's softmax is no anchor: nothing happens, and nothing is said.
// CHECK-NOT: winnow.report
// CHECK-LABEL: func @no_product
// CHECK-NEXT: winnow.softmax
func.func @no_product(%x: tensor<2x10xf32>) -> tensor<2x10xf32> {
  %0 = winnow.softmax %x {axis = 1 : i64} : (tensor<2x10xf32>) -> tensor<2x10xf32>
  return %0 : tensor<2x10xf32>
}

// -----

// A fill that is scaled afterwards hides as well as one that is not.
// CHECK-LABEL: func @scale_after_fill
// CHECK-SAME: %[[M:[a-z0-9]*]]: tensor<2x1x1x5xi1>)
// CHECK-DAG: %[[ZERO:.*]] = winnow.constant dense<0.000000e+00> : tensor<f32>
// CHECK-DAG: %[[LOW:.*]] = winnow.constant dense<-3.40282347E+38> : tensor<f32>
// CHECK-DAG: %[[MASK:.*]] = winnow.select %[[M]], %[[LOW]], %[[ZERO]]
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%[[MASK]]) {scale = 2.500000e-01 : f32}
func.func @scale_after_fill(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<2x1x1x5xi1>) -> tensor<2x4x5x8xf32> {
  %low = winnow.constant dense<-1.0e20> : tensor<f32>
  %c = winnow.constant dense<0.25> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.select %m, %low, %0 : (tensor<2x1x1x5xi1>, tensor<f32>, tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %2 = winnow.mul %1, %c : (tensor<2x4x5x5xf32>, tensor<f32>) -> tensor<2x4x5x5xf32>
  %3 = winnow.softmax %2 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %4 = winnow.matmul %3, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %4 : tensor<2x4x5x8xf32>
}

// -----

// Scaled up, the lowest float is minus infinity, whose rows have no number.
// CHECK-LABEL: func @scaled_fill_overflows
// CHECK-SAME: %[[M:[a-z0-9]*]]: tensor<2x1x1x5xi1>)
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%[[M]]) {scale = 2.000000e+00 : f32}
func.func @scaled_fill_overflows(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<2x1x1x5xi1>) -> tensor<2x4x5x8xf32> {
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %c = winnow.constant dense<2.0> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.select %m, %0, %low : (tensor<2x1x1x5xi1>, tensor<2x4x5x5xf32>, tensor<f32>) -> tensor<2x4x5x5xf32>
  %2 = winnow.mul %1, %c : (tensor<2x4x5x5xf32>, tensor<f32>) -> tensor<2x4x5x5xf32>
  %3 = winnow.softmax %2 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %4 = winnow.matmul %3, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %4 : tensor<2x4x5x8xf32>
}

// -----

!q = tensor<?x2x16x8xf32, affine_map<()[s0] -> (s0 * 4, 2, 16, 8)>>
!k = tensor<?x2x8x16xf32, affine_map<()[s0] -> (s0 * 4, 2, 8, 16)>>
!scores = tensor<?x2x16x16xf32, affine_map<()[s0] -> (s0 * 4, 2, 16, 16)>>
!windows = tensor<?x4x2x16x16xf32, affine_map<()[s0] -> (s0, 4, 2, 16, 16)>>

// Swin's shifted windows: a bias of heads, then a mask of windows where the
// batch is split in images and windows. Both are one mask, with an entry for
// each window.
// CHECK-LABEL: func @windows
// CHECK: %[[W:.*]] = winnow.reshape %arg4 : (tensor<1x4x1x16x16xf32>) -> tensor<4x1x16x16xf32>
// CHECK: %[[M:.*]] = winnow.add %arg3, %[[W]] : (tensor<1x2x16x16xf32>, tensor<4x1x16x16xf32>) -> tensor<4x2x16x16xf32>
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%[[M]]) {scale = 1.000000e+00 : f32}
func.func @windows(%q: !q, %k: !k, %v: !q, %bias: tensor<1x2x16x16xf32>, %m: tensor<1x4x1x16x16xf32>) -> !q {
  %0 = winnow.matmul %q, %k : (!q, !k) -> !scores
  %1 = winnow.add %0, %bias : (!scores, tensor<1x2x16x16xf32>) -> !scores
  %2 = winnow.reshape %1 : (!scores) -> !windows
  %3 = winnow.add %2, %m : (!windows, tensor<1x4x1x16x16xf32>) -> !windows
  %4 = winnow.softmax %3 {axis = 4 : i64} : (!windows) -> !windows
  %5 = winnow.reshape %4 : (!windows) -> !scores
  %6 = winnow.matmul %5, %v : (!scores, !q) -> !q
  return %6 : !q
}

// -----

!x = tensor<?x?x4x16xf32, affine_map<()[s0, s1] -> (s0, s1, 4, 16)>>
!h = tensor<?x4x?x16xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 16)>>
!q = tensor<?x?x16xf32, affine_map<()[s0, s1] -> (s0 * 4, s1, 16)>>
!k = tensor<?x16x?xf32, affine_map<()[s0, s1] -> (s0 * 4, 16, s1)>>
!joint = tensor<?x?x?xf32, affine_map<()[s0, s1] -> (s0 * 4, s1, s1)>>
!scores = tensor<?x4x?x?xf32, affine_map<()[s0, s1] -> (s0, 4, s1, s1)>>
!visible = tensor<?x1x?x?xi1, affine_map<()[s0, s1] -> (s0, 1, s1, s1)>>

// DeBERTa: a bias is added to joint scores, then they are split and masked, and
// hidden probabilities are zeroed: minus infinity does both.
// CHECK-LABEL: func @zeroed_probabilities
// CHECK-DAG: %[[INF:.*]] = winnow.constant dense<0xFF800000>
// CHECK-DAG: %[[B:.*]] = winnow.reshape %arg1
// CHECK: %[[M:.*]] = winnow.select %arg2, %[[B]], %[[INF]]
// CHECK: winnow.attention %arg0, %arg0, %arg0 mask(%[[M]]) {nan_to_zero, scale = 1.000000e+00 : f32}
func.func @zeroed_probabilities(%x: !x, %bias: !joint, %m: !visible) -> !q {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %t = winnow.transpose %x [0, 2, 1, 3] : (!x) -> !h
  %q = winnow.reshape %t : (!h) -> !q
  %k = winnow.transpose %q [0, 2, 1] : (!q) -> !k
  %0 = winnow.matmul %q, %k : (!q, !k) -> !joint
  %1 = winnow.add %0, %bias : (!joint, !joint) -> !joint
  %2 = winnow.reshape %1 : (!joint) -> !scores
  %3 = winnow.select %m, %2, %low : (!visible, !scores, tensor<f32>) -> !scores
  %4 = winnow.softmax %3 {axis = 3 : i64} : (!scores) -> !scores
  %5 = winnow.select %m, %4, %zero : (!visible, !scores, tensor<f32>) -> !scores
  %6 = winnow.reshape %5 : (!scores) -> !joint
  %7 = winnow.matmul %6, %q : (!joint, !q) -> !q
  return %7 : !q
}

// -----

!q = tensor<2x4x3x16xf32>
!k = tensor<2x4x16x5xf32>
!v = tensor<2x4x5x16xf32>
!scores = tensor<2x4x3x5xf32>

// A factor of probabilities that all queries share is one of the values.
// CHECK-LABEL: func @scaled_probabilities
// CHECK: %[[F:.*]] = winnow.reshape %arg3 : (tensor<2x1x1x5xf32>) -> tensor<2x5x1x1xf32>
// CHECK: %[[V:.*]] = winnow.mul %{{.*}}, %[[F]]
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %[[V]]
func.func @scaled_probabilities(%q: !q, %k: !k, %v: !v, %f: tensor<2x1x1x5xf32>) -> !q {
  %0 = winnow.matmul %q, %k : (!q, !k) -> !scores
  %1 = winnow.softmax %0 {axis = 3 : i64} : (!scores) -> !scores
  %2 = winnow.mul %1, %f : (!scores, tensor<2x1x1x5xf32>) -> !scores
  %3 = winnow.matmul %2, %v : (!scores, !v) -> !q
  return %3 : !q
}

// -----

// Positions are added before everything is scaled, as in XLNet.
// CHECK-LABEL: func @scale_after_bias
// CHECK-SAME: %[[B:[a-z0-9]*]]: tensor<1x4x5x5xf32>
// CHECK-DAG: %[[C:.*]] = winnow.constant dense<2.500000e-01>
// CHECK-DAG: %[[S:.*]] = winnow.mul %[[B]], %[[C]]
// CHECK: winnow.attention %{{.*}} mask(%[[S]]) {scale = 2.500000e-01 : f32}
func.func @scale_after_bias(%b: tensor<1x4x5x5xf32>, %q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32> {
  %c = winnow.constant dense<0.25> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> tensor<2x4x5x5xf32>
  %1 = winnow.add %0, %b : (tensor<2x4x5x5xf32>, tensor<1x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %2 = winnow.mul %1, %c : (tensor<2x4x5x5xf32>, tensor<f32>) -> tensor<2x4x5x5xf32>
  %p = winnow.softmax %2 {axis = 3 : i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %o = winnow.matmul %p, %v : (tensor<2x4x5x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %o : tensor<2x4x5x8xf32>
}

// -----

!scores = tensor<2x4x5x5xf32>

// Scores whose tanh is scaled are capped; a mask comes after that.
// CHECK-LABEL: func @softcap
// CHECK: winnow.attention {{.*}} mask(%arg3) {scale = 2.500000e-01 : f32, softcap = 5.000000e+01 : f32}
func.func @softcap(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<2x1x1x5xf32>) -> tensor<2x4x5x8xf32> {
  %scale = winnow.constant dense<0.25> : tensor<f32>
  %cap = winnow.constant dense<50.0> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> !scores
  %1 = winnow.mul %0, %scale : (!scores, tensor<f32>) -> !scores
  %2 = winnow.div %1, %cap : (!scores, tensor<f32>) -> !scores
  %3 = winnow.tanh %2 : (!scores) -> !scores
  %4 = winnow.mul %3, %cap : (!scores, tensor<f32>) -> !scores
  %5 = winnow.add %4, %m : (!scores, tensor<2x1x1x5xf32>) -> !scores
  %6 = winnow.softmax %5 {axis = 3 : i64} : (!scores) -> !scores
  %7 = winnow.matmul %6, %v : (!scores, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %7 : tensor<2x4x5x8xf32>
}

// -----

!scores = tensor<2x4x5x5xf32>

// CHECK: applied = false, code = "attention.softcap"
// CHECK-SAME: sentence = "the scores are masked before their tanh"
// CHECK-LABEL: func @capped_mask
// CHECK: winnow.softmax
func.func @capped_mask(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<2x1x1x5xf32>) -> tensor<2x4x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> !scores
  %1 = winnow.add %0, %m : (!scores, tensor<2x1x1x5xf32>) -> !scores
  %2 = winnow.tanh %1 : (!scores) -> !scores
  %3 = winnow.softmax %2 {axis = 3 : i64} : (!scores) -> !scores
  %4 = winnow.matmul %3, %v : (!scores, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %4 : tensor<2x4x5x8xf32>
}

// -----

!scores = tensor<2x4x5x5xf32>

// CHECK: applied = false, code = "attention.softcap"
// CHECK-SAME: sentence = "the scores' tanh is scaled by no constant of its own"
// CHECK-LABEL: func @scaled_tanh
// CHECK: winnow.softmax
func.func @scaled_tanh(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %f: tensor<2x1x1x5xf32>) -> tensor<2x4x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> !scores
  %1 = winnow.tanh %0 : (!scores) -> !scores
  %2 = winnow.mul %1, %f : (!scores, tensor<2x1x1x5xf32>) -> !scores
  %3 = winnow.softmax %2 {axis = 3 : i64} : (!scores) -> !scores
  %4 = winnow.matmul %3, %v : (!scores, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %4 : tensor<2x4x5x8xf32>
}

// -----

!q = tensor<?x?x16xf32, affine_map<()[s0, s1] -> (s0 * 4, s1, 16)>>
!k = tensor<?x16x?xf32, affine_map<()[s0, s1] -> (s0 * 4, 16, s1)>>
!v = tensor<?x4x?x8xf32, affine_map<()[s0, s1] -> (s0, 4, s1, 8)>>
!joint = tensor<?x?x?xf32, affine_map<()[s0, s1] -> (s0 * 4, s1, s1)>>
!scores = tensor<?x4x?x?xf32, affine_map<()[s0, s1] -> (s0, 4, s1, s1)>>
!m = tensor<?x1x1x?xf32, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>

// Batch and heads of queries and keys are one dimension, but not the values'.
// CHECK-LABEL: func @joint_queries
// CHECK-DAG: winnow.reshape %arg0 {{.*}} -> tensor<?x4x?x16xf32
// CHECK-DAG: winnow.reshape %arg1 {{.*}} -> tensor<?x4x16x?xf32
// CHECK: winnow.attention {{.*}} mask(%arg3) {scale = 1.000000e+00 : f32}
func.func @joint_queries(%q: !q, %k: !k, %v: !v, %m: !m) -> !v {
  %0 = winnow.matmul %q, %k : (!q, !k) -> !joint
  %1 = winnow.reshape %0 : (!joint) -> !scores
  %2 = winnow.add %1, %m : (!scores, !m) -> !scores
  %3 = winnow.softmax %2 {axis = 3 : i64} : (!scores) -> !scores
  %4 = winnow.matmul %3, %v : (!scores, !v) -> !v
  return %4 : !v
}

// -----

!scores = tensor<2x3x5x5xf32>

// Values that all batches share are not repeated for them.
// CHECK: applied = false, code = "attention.batch"
// CHECK-LABEL: func @shared_values
// CHECK: winnow.softmax
func.func @shared_values(%q: tensor<2x3x5x16xf32>, %k: tensor<2x3x16x5xf32>, %v: tensor<3x5x8xf32>) -> tensor<2x3x5x8xf32> {
  %0 = winnow.matmul %q, %k : (tensor<2x3x5x16xf32>, tensor<2x3x16x5xf32>) -> !scores
  %1 = winnow.softmax %0 {axis = 3 : i64} : (!scores) -> !scores
  %2 = winnow.matmul %1, %v : (!scores, tensor<3x5x8xf32>) -> tensor<2x3x5x8xf32>
  return %2 : tensor<2x3x5x8xf32>
}

// -----

!q = tensor<?x6x4x5x16xf32, affine_map<()[s0] -> (s0, 6, 4, 5, 16)>>
!k = tensor<?x6x4x16x5xf32, affine_map<()[s0] -> (s0, 6, 4, 16, 5)>>
!scores = tensor<?x6x4x5x5xf32, affine_map<()[s0] -> (s0, 6, 4, 5, 5)>>

// Windows are a part of the batch, which their masks repeat for.
// CHECK: raised to attention with shape [s0 * 6, 4, 5, 5]
// CHECK-LABEL: func @windows
// CHECK: winnow.attention {{.*}} mask(%arg3) {{.*}} -> tensor<?x5x4x16xf32
// CHECK: return {{.*}} tensor<?x6x4x5x16xf32
func.func @windows(%q: !q, %k: !k, %v: !q, %m: tensor<6x1x5x5xf32>) -> !q {
  %0 = winnow.matmul %q, %k : (!q, !k) -> !scores
  %1 = winnow.add %0, %m : (!scores, tensor<6x1x5x5xf32>) -> !scores
  %2 = winnow.softmax %1 {axis = 4 : i64} : (!scores) -> !scores
  %3 = winnow.matmul %2, %v : (!scores, !q) -> !q
  return %3 : !q
}

// -----

!channels = tensor<?x64x9xf32, affine_map<()[s0] -> (s0, 64, 9)>>
!q = tensor<?x4x16x9xf32, affine_map<()[s0] -> (s0, 4, 16, 9)>>
!rows = tensor<?x4x9x16xf32, affine_map<()[s0] -> (s0, 4, 9, 16)>>
!scores = tensor<?x4x9x9xf32, affine_map<()[s0] -> (s0, 4, 9, 9)>>

// Channels come first, as convolutions make them: the probabilities multiply
// the values from the right.
// CHECK-LABEL: func @channels_first
// CHECK: winnow.attention
// CHECK-NOT: winnow.matmul
func.func @channels_first(%q: !q, %k: !q, %v: !q, %bias: tensor<4x9x9xf32>) -> !channels {
  %0 = winnow.transpose %q [0, 1, 3, 2] : (!q) -> !rows
  %1 = winnow.matmul %0, %k : (!rows, !q) -> !scores
  %2 = winnow.add %1, %bias : (!scores, tensor<4x9x9xf32>) -> !scores
  %3 = winnow.softmax %2 {axis = 3 : i64} : (!scores) -> !scores
  %4 = winnow.transpose %3 [0, 1, 3, 2] : (!scores) -> !scores
  %5 = winnow.matmul %v, %4 : (!q, !scores) -> !q
  %6 = winnow.reshape %5 : (!q) -> !channels
  return %6 : !channels
}

// -----

!scores = tensor<2x4x5x5xf32>

// Masks that may add up to minus infinity are bounded; scores are far above it.
// CHECK-LABEL: func @bounded
// CHECK: %[[M:.*]] = winnow.maximum %arg3, %{{.*}} : (tensor<2x1x1x5xf32>, tensor<f32>) -> tensor<2x1x1x5xf32>
// CHECK: winnow.attention {{.*}} mask(%[[M]]) {scale
func.func @bounded(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<2x1x1x5xf32>) -> tensor<2x4x5x8xf32> {
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> !scores
  %1 = winnow.add %0, %m : (!scores, tensor<2x1x1x5xf32>) -> !scores
  %2 = winnow.maximum %1, %low : (!scores, tensor<f32>) -> !scores
  %3 = winnow.softmax %2 {axis = 3 : i64} : (!scores) -> !scores
  %4 = winnow.matmul %3, %v : (!scores, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %4 : tensor<2x4x5x8xf32>
}

// -----

!scores = tensor<2x4x5x5xf32>

// CHECK-LABEL: func @bounded_alone
// CHECK-NOT: winnow.maximum
// CHECK: winnow.attention
func.func @bounded_alone(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32> {
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> !scores
  %1 = winnow.maximum %0, %low : (!scores, tensor<f32>) -> !scores
  %2 = winnow.softmax %1 {axis = 3 : i64} : (!scores) -> !scores
  %3 = winnow.matmul %2, %v : (!scores, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %3 : tensor<2x4x5x8xf32>
}

// -----

!scores = tensor<2x4x5x5xf32>

// CHECK: applied = false, code = "attention.bound"
// CHECK-LABEL: func @bounded_above_lowest
// CHECK: winnow.softmax
func.func @bounded_above_lowest(%q: tensor<2x4x5x16xf32>, %k: tensor<2x4x16x5xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32> {
  %least = winnow.constant dense<-1.0E+4> : tensor<f32>
  %0 = winnow.matmul %q, %k : (tensor<2x4x5x16xf32>, tensor<2x4x16x5xf32>) -> !scores
  %1 = winnow.maximum %0, %least : (!scores, tensor<f32>) -> !scores
  %2 = winnow.softmax %1 {axis = 3 : i64} : (!scores) -> !scores
  %3 = winnow.matmul %2, %v : (!scores, tensor<2x4x5x8xf32>) -> tensor<2x4x5x8xf32>
  return %3 : tensor<2x4x5x8xf32>
}
