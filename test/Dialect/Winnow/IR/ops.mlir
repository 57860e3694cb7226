// RUN: winnow-opt %s | winnow-opt | FileCheck %s
// RUN: winnow-opt %s --mlir-print-op-generic | winnow-opt | FileCheck %s

// Every op in its written form, round trip.

// CHECK-LABEL: func @unary
// CHECK: winnow.abs %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.neg %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.exp %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.log %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.sqrt %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.reciprocal %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.erf %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.tanh %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.sigmoid %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.relu %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.sin %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.cos %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.tan %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.asin %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.acos %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.atan %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.sinh %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.cosh %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.asinh %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.acosh %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.atanh %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.floor %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.ceil %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.round %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.sign %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.gelu %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.gelu %{{.*}} {tanh_approximation} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.not %{{.*}} : (tensor<4xi1>) -> tensor<4xi1>
// CHECK: winnow.is_nan %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xi1>
// CHECK: winnow.cast %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xf16>
// CHECK: winnow.bitcast %{{.*}} : (tensor<2x3xf32>) -> tensor<2x3xui32>
func.func @unary(%x: tensor<2x3xf32>, %b0: tensor<4xi1>) {
  %0 = winnow.abs %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = winnow.neg %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = winnow.exp %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = winnow.log %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %4 = winnow.sqrt %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = winnow.reciprocal %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %6 = winnow.erf %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %7 = winnow.tanh %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %8 = winnow.sigmoid %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %9 = winnow.relu %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %10 = winnow.sin %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %11 = winnow.cos %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %tan = winnow.tan %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %asin = winnow.asin %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %acos = winnow.acos %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %atan = winnow.atan %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %sinh = winnow.sinh %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %cosh = winnow.cosh %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %asinh = winnow.asinh %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %acosh = winnow.acosh %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %atanh = winnow.atanh %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %12 = winnow.floor %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %13 = winnow.ceil %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %14 = winnow.round %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %15 = winnow.sign %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %16 = winnow.gelu %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %a = winnow.gelu %x {tanh_approximation} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %b = winnow.not %b0 : (tensor<4xi1>) -> tensor<4xi1>
  %c = winnow.is_nan %x : (tensor<2x3xf32>) -> tensor<2x3xi1>
  %d = winnow.cast %x : (tensor<2x3xf32>) -> tensor<2x3xf16>
  %e = winnow.bitcast %x : (tensor<2x3xf32>) -> tensor<2x3xui32>
  return
}

// CHECK-LABEL: func @binary
// CHECK: winnow.add %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.sub %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.mul %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.div %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.mod %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.pow %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.maximum %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.minimum %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.and %{{.*}}, %{{.*}} : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
// CHECK: winnow.or %{{.*}}, %{{.*}} : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
// CHECK: winnow.xor %{{.*}}, %{{.*}} : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
// CHECK: winnow.shift_left %{{.*}}, %{{.*}} : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
// CHECK: winnow.shift_right %{{.*}}, %{{.*}} : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
func.func @binary(%x: tensor<2x3xf32>, %y: tensor<3xf32>, %p: tensor<2x1xi32>, %q: tensor<3xi32>) {
  %0 = winnow.add %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %1 = winnow.sub %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = winnow.mul %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %3 = winnow.div %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %4 = winnow.mod %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %5 = winnow.pow %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %6 = winnow.maximum %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %7 = winnow.minimum %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %l0 = winnow.and %p, %q : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
  %l1 = winnow.or %p, %q : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
  %l2 = winnow.xor %p, %q : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
  %l3 = winnow.shift_left %p, %q : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
  %l4 = winnow.shift_right %p, %q : (tensor<2x1xi32>, tensor<3xi32>) -> tensor<2x3xi32>
  return
}

// CHECK-LABEL: func @compare_and_select
// CHECK: winnow.compare eq %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
// CHECK: winnow.compare ne %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
// CHECK: winnow.compare lt %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
// CHECK: winnow.compare le %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
// CHECK: winnow.compare gt %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
// CHECK: winnow.compare ge %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
// CHECK: winnow.select %{{.*}}, %{{.*}}, %{{.*}} : (tensor<2x1xi1>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
func.func @compare_and_select(%x: tensor<2x3xf32>, %y: tensor<3xf32>, %c: tensor<2x1xi1>) {
  %0 = winnow.compare eq %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %1 = winnow.compare ne %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %2 = winnow.compare lt %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %3 = winnow.compare le %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %4 = winnow.compare gt %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %5 = winnow.compare ge %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>
  %s = winnow.select %c, %x, %y : (tensor<2x1xi1>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// Dimensions broadcast as expressions over the symbols.
// CHECK-LABEL: func @symbolic
// CHECK: winnow.add %{{.*}}, %{{.*}} : (tensor<?x1x64xf32, #[[A:.*]]>, tensor<?x64xf32, #[[B:.*]]>) -> tensor<?x?x64xf32, #[[C:.*]]>
func.func @symbolic(%x: tensor<?x1x64xf32, affine_map<()[s0, s1] -> (s0, 1, 64)>>, %y: tensor<?x64xf32, affine_map<()[s0, s1] -> (s1, 64)>>) attributes {winnow.symbols = [{name = "batch", min = 1, max = 64}, {name = "seq", min = 1, max = 512}]} {
  %0 = winnow.add %x, %y : (tensor<?x1x64xf32, affine_map<()[s0, s1] -> (s0, 1, 64)>>, tensor<?x64xf32, affine_map<()[s0, s1] -> (s1, 64)>>) -> tensor<?x?x64xf32, affine_map<()[s0, s1] -> (s0, s1, 64)>>
  return
}

// CHECK-LABEL: func @constants
// CHECK: winnow.constant dense<1.000000e+00> : tensor<2x3xf32>
// CHECK: winnow.constant dense_resource<blob> : tensor<2xf32>
// CHECK: winnow.dim_values #{{.*}} : tensor<1xi64>
// CHECK: winnow.dim_values #{{.*}} : tensor<i64>
// CHECK: winnow.iota {start = 1 : i64, step = 2 : i64} : tensor<4xi64>
func.func @constants() {
  %0 = winnow.constant dense<1.000000e+00> : tensor<2x3xf32>
  %1 = winnow.constant dense_resource<blob> : tensor<2xf32>
  %2 = winnow.dim_values affine_map<()[s0, s1] -> (s0 * s1)> : tensor<1xi64>
  %3 = winnow.dim_values affine_map<() -> (7)> : tensor<i64>
  %4 = winnow.iota {start = 1 : i64, step = 2 : i64} : tensor<4xi64>
  return
}

// CHECK-LABEL: func @movement
// CHECK: winnow.reshape %{{.*}} : (tensor<2x3xf32>) -> tensor<6xf32>
// CHECK: winnow.transpose %{{.*}} [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
// CHECK: winnow.broadcast_to %{{.*}} : (tensor<2x3xf32>) -> tensor<4x2x3xf32>
// CHECK: winnow.slice %{{.*}} at #{{.*}} step [1, -2] : (tensor<2x3xf32>) -> tensor<1x2xf32>
// CHECK: winnow.concat %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
// CHECK: winnow.gather %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<2x3xf32>, tensor<4x1xi64>) -> tensor<2x4x1xf32>
// CHECK: winnow.gather %{{.*}}, %{{.*}} {axis = 0 : i64, in_bounds} : (tensor<2x3xf32>, tensor<4x1xi64>) -> tensor<4x1x3xf32>
// CHECK: winnow.gather_nd %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<4x2xi64>) -> tensor<4xf32>
// CHECK: winnow.gather_nd %{{.*}}, %{{.*}} {batch_dims = 1 : i64} : (tensor<2x3xf32>, tensor<2x1xi64>) -> tensor<2xf32>
func.func @movement(%x: tensor<2x3xf32>, %i: tensor<4x1xi64>, %j: tensor<4x2xi64>, %k: tensor<2x1xi64>) {
  %0 = winnow.reshape %x : (tensor<2x3xf32>) -> tensor<6xf32>
  %1 = winnow.transpose %x [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %2 = winnow.broadcast_to %x : (tensor<2x3xf32>) -> tensor<4x2x3xf32>
  %3 = winnow.slice %x at affine_map<() -> (1, 2)> step [1, -2] : (tensor<2x3xf32>) -> tensor<1x2xf32>
  %4 = winnow.concat %x, %x {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  %5 = winnow.gather %x, %i {axis = 1 : i64} : (tensor<2x3xf32>, tensor<4x1xi64>) -> tensor<2x4x1xf32>
  %8 = winnow.gather %x, %i {axis = 0 : i64, in_bounds} : (tensor<2x3xf32>, tensor<4x1xi64>) -> tensor<4x1x3xf32>
  %6 = winnow.gather_nd %x, %j : (tensor<2x3xf32>, tensor<4x2xi64>) -> tensor<4xf32>
  %7 = winnow.gather_nd %x, %k {batch_dims = 1 : i64} : (tensor<2x3xf32>, tensor<2x1xi64>) -> tensor<2xf32>
  return
}

// CHECK-LABEL: func @indexing
// CHECK: winnow.topk %{{.*}} {axis = 1 : i64, largest} : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
// CHECK: winnow.topk %{{.*}} {axis = 0 : i64} : (tensor<?xi8, #map{{.*}}>) -> (tensor<?xi8, #map{{.*}}>, tensor<?xi64, #map{{.*}}>)
// CHECK: winnow.scatter_elements %{{.*}}, %{{.*}}, %{{.*}} {axis = 1 : i64} : (tensor<2x5xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x5xf32>
// CHECK: winnow.scatter_elements %{{.*}}, %{{.*}}, %{{.*}} {axis = 1 : i64, reduction = #winnow<scatter_reduction max>} : (tensor<2x5xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x5xf32>
// CHECK: winnow.scatter_nd %{{.*}}, %{{.*}}, %{{.*}} {reduction = #winnow<scatter_reduction add>} : (tensor<2x5xf32>, tensor<4x1xi64>, tensor<4x5xf32>) -> tensor<2x5xf32>
!n = tensor<?xi8, affine_map<()[s0] -> (s0)>>
!k = tensor<?xi8, affine_map<()[s0] -> (s0 floordiv 2)>>
!ki = tensor<?xi64, affine_map<()[s0] -> (s0 floordiv 2)>>
func.func @indexing(%x: tensor<2x5xf32>, %n: !n, %j: tensor<4x1xi64>, %u: tensor<4x5xf32>) {
  %v, %i = winnow.topk %x {axis = 1 : i64, largest} : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %w, %h = winnow.topk %n {axis = 0 : i64} : (!n) -> (!k, !ki)
  %0 = winnow.scatter_elements %x, %i, %v {axis = 1 : i64} : (tensor<2x5xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x5xf32>
  %1 = winnow.scatter_elements %x, %i, %v {axis = 1 : i64, reduction = #winnow<scatter_reduction max>} : (tensor<2x5xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x5xf32>
  %2 = winnow.scatter_nd %x, %j, %u {reduction = #winnow<scatter_reduction add>} : (tensor<2x5xf32>, tensor<4x1xi64>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// CHECK-LABEL: func @contractions
// CHECK: winnow.matmul %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
// CHECK: winnow.matmul %{{.*}}, %{{.*}} : (tensor<3xf32>, tensor<3x5xf32>) -> tensor<5xf32>
// CHECK: winnow.linear %{{.*}}, %{{.*}} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
// CHECK: winnow.linear %{{.*}}, %{{.*}} bias(%{{.*}}) residual(%{{.*}}) {activation = #winnow<activation silu>, transpose_weight} : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
// CHECK: winnow.det %{{.*}} : (tensor<2x3x3xf64>) -> tensor<2xf64>
func.func @contractions(%m: tensor<2x3x3xf64>, %x: tensor<2x3xf32>, %w: tensor<3x5xf32>, %v: tensor<3xf32>, %t: tensor<5x3xf32>, %b: tensor<5xf32>, %r: tensor<2x5xf32>) {
  %0 = winnow.matmul %x, %w : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  %1 = winnow.matmul %v, %w : (tensor<3xf32>, tensor<3x5xf32>) -> tensor<5xf32>
  %2 = winnow.linear %x, %w : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  %3 = winnow.linear %x, %t bias(%b) residual(%r) {activation = #winnow<activation silu>, transpose_weight} : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  %4 = winnow.det %m : (tensor<2x3x3xf64>) -> tensor<2xf64>
  return
}

// CHECK-LABEL: func @normalizations
// CHECK: winnow.reduce sum %{{.*}} [1] : (tensor<2x3xf32>) -> tensor<2xf32>
// CHECK: winnow.reduce mean %{{.*}} [1] : (tensor<2x3xf32>) -> tensor<2xf32>
// CHECK: winnow.reduce max %{{.*}} [1] : (tensor<2x3xf32>) -> tensor<2xf32>
// CHECK: winnow.reduce min %{{.*}} [1] : (tensor<2x3xf32>) -> tensor<2xf32>
// CHECK: winnow.reduce prod %{{.*}} [1] : (tensor<2x3xf32>) -> tensor<2xf32>
// CHECK: winnow.reduce sum %{{.*}} [0, 1] {keepdims} : (tensor<2x3xf32>) -> tensor<1x1xf32>
// CHECK: winnow.cumsum %{{.*}} {axis = 1 : i64, exclusive, reverse} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.cumprod %{{.*}} {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.softmax %{{.*}} {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.layer_norm %{{.*}} {epsilon = 9.99999974E-6 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.rms_norm %{{.*}} residual(%{{.*}}) scale(%{{.*}}) {epsilon = 9.99999974E-6 : f32} : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.layer_norm %{{.*}} residual(%{{.*}}) scale(%{{.*}}) bias(%{{.*}}) {epsilon = 9.99999974E-6 : f32} : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
func.func @normalizations(%x: tensor<2x3xf32>, %g: tensor<3xf32>) {
  %0 = winnow.reduce sum %x [1] : (tensor<2x3xf32>) -> tensor<2xf32>
  %1 = winnow.reduce mean %x [1] : (tensor<2x3xf32>) -> tensor<2xf32>
  %2 = winnow.reduce max %x [1] : (tensor<2x3xf32>) -> tensor<2xf32>
  %3 = winnow.reduce min %x [1] : (tensor<2x3xf32>) -> tensor<2xf32>
  %4 = winnow.reduce prod %x [1] : (tensor<2x3xf32>) -> tensor<2xf32>
  %k = winnow.reduce sum %x [0, 1] {keepdims} : (tensor<2x3xf32>) -> tensor<1x1xf32>
  %c = winnow.cumsum %x {axis = 1 : i64, exclusive, reverse} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %p = winnow.cumprod %x {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %s = winnow.softmax %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %l = winnow.layer_norm %x {epsilon = 9.99999974E-6 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %n = winnow.rms_norm %x residual(%x) scale(%g) {epsilon = 9.99999974E-6 : f32} : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %m = winnow.layer_norm %x residual(%x) scale(%g) bias(%g) {epsilon = 9.99999974E-6 : f32} : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// CHECK-LABEL: func @attention
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} {causal, scale = 2.500000e-01 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x2x16xf32>, tensor<2x7x2x8xf32>) -> tensor<2x5x4x8xf32>
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {nan_to_zero, scale = 2.500000e-01 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x2x16xf32>, tensor<2x7x2x8xf32>, tensor<2x1x1x7xi1>) -> tensor<2x5x4x8xf32>
func.func @attention(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x2x16xf32>, %v: tensor<2x7x2x8xf32>, %m: tensor<2x1x1x7xi1>) {
  %0 = winnow.attention %q, %k, %v {causal, scale = 2.500000e-01 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x2x16xf32>, tensor<2x7x2x8xf32>) -> tensor<2x5x4x8xf32>
  %1 = winnow.attention %q, %k, %v mask(%m) {nan_to_zero, scale = 2.500000e-01 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x2x16xf32>, tensor<2x7x2x8xf32>, tensor<2x1x1x7xi1>) -> tensor<2x5x4x8xf32>
  return
}

// CHECK-LABEL: func @loop_ops
// CHECK: winnow.bind_size %{{.*}} to #{{.*}} : tensor<i64>
// CHECK: winnow.extract_at %{{.*}} at %{{.*}} : (tensor<5x3xf32>, index) -> tensor<3xf32>
// CHECK: winnow.insert_at %{{.*}} into %{{.*}} at %{{.*}} : (tensor<3xf32>, tensor<5x3xf32>, index) -> tensor<5x3xf32>
func.func @loop_ops(%x: tensor<5x3xf32>, %n: tensor<i64>, %i: index) {
  winnow.bind_size %n to affine_map<()[s0] -> (s0)> : tensor<i64>
  %0 = winnow.extract_at %x at %i : (tensor<5x3xf32>, index) -> tensor<3xf32>
  %1 = winnow.insert_at %0 into %x at %i : (tensor<3xf32>, tensor<5x3xf32>, index) -> tensor<5x3xf32>
  return
}

// CHECK-LABEL: func @capacity
// CHECK: winnow.capacity #{{.*}} : tensor<i64>
func.func @capacity() attributes {winnow.symbols = [{name = "n", min = 0 : i64, max = 9 : i64, data}]} {
  %0 = winnow.capacity affine_map<()[s0] -> (s0)> : tensor<i64>
  return
}

// CHECK-LABEL: func @packed_attention
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} query_offsets(%{{.*}}) key_offsets(%{{.*}}) key_lengths(%{{.*}}) {scale = 2.500000e-01 : f32}
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} key_offsets(%{{.*}}) key_lengths(%{{.*}}) {scale = 2.500000e-01 : f32}
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) query_positions(%{{.*}}) query_offsets(%{{.*}}) {scale = 2.500000e-01 : f32}
func.func @packed_attention(%p: tensor<1x9x4x16xf32>, %b: tensor<2x5x4x16xf32>, %o: tensor<3xi64>, %l: tensor<2xi64>, %m: tensor<1x4x7x5xf32>, %at: tensor<9xi64>) {
  %0 = winnow.attention %p, %p, %p query_offsets(%o) key_offsets(%o) key_lengths(%l) {scale = 2.500000e-01 : f32} : (tensor<1x9x4x16xf32>, tensor<1x9x4x16xf32>, tensor<1x9x4x16xf32>, tensor<3xi64>, tensor<3xi64>, tensor<2xi64>) -> tensor<1x9x4x16xf32>
  %1 = winnow.attention %b, %p, %p key_offsets(%o) key_lengths(%l) {scale = 2.500000e-01 : f32} : (tensor<2x5x4x16xf32>, tensor<1x9x4x16xf32>, tensor<1x9x4x16xf32>, tensor<3xi64>, tensor<2xi64>) -> tensor<2x5x4x16xf32>
  %2 = winnow.attention %p, %b, %b mask(%m) query_positions(%at) query_offsets(%o) {scale = 2.500000e-01 : f32} : (tensor<1x9x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<1x4x7x5xf32>, tensor<9xi64>, tensor<3xi64>) -> tensor<1x9x4x16xf32>
  return
}

// CHECK-LABEL: func @causal_attention
// CHECK: winnow.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {causal, causal_at_end, causal_lowest, scale = 2.500000e-01 : f32}
func.func @causal_attention(%q: tensor<4x5x4x16xf32>, %k: tensor<4x7x2x16xf32>, %m: tensor<2x1x1x7xf32>) {
  %0 = winnow.attention %q, %k, %k mask(%m) {causal, causal_at_end, causal_lowest, scale = 2.500000e-01 : f32} : (tensor<4x5x4x16xf32>, tensor<4x7x2x16xf32>, tensor<4x7x2x16xf32>, tensor<2x1x1x7xf32>) -> tensor<4x5x4x16xf32>
  // CHECK: winnow.attention {{.*}} {causal, causal_adds_lowest, scale = 2.500000e-01 : f32, softcap = 5.000000e+01 : f32}
  %1 = winnow.attention %q, %k, %k mask(%m) {causal, causal_adds_lowest, scale = 2.500000e-01 : f32, softcap = 50.0 : f32} : (tensor<4x5x4x16xf32>, tensor<4x7x2x16xf32>, tensor<4x7x2x16xf32>, tensor<2x1x1x7xf32>) -> tensor<4x5x4x16xf32>
  return
}

// CHECK-LABEL: func @rotary
// CHECK: winnow.rotary %{{.*}}, %{{.*}}, %{{.*}} {interleaved} : (tensor<2x5x4x16xf32>, tensor<5x1x4xf32>, tensor<5x1x4xf32>) -> tensor<2x5x4x16xf32>
func.func @rotary(%x: tensor<2x5x4x16xf32>, %a: tensor<5x1x4xf32>) {
  %0 = winnow.rotary %x, %a, %a {interleaved} : (tensor<2x5x4x16xf32>, tensor<5x1x4xf32>, tensor<5x1x4xf32>) -> tensor<2x5x4x16xf32>
  return
}

// CHECK-LABEL: func @kernels
// CHECK: winnow.kernel "softmax" ins(%{{.*}} : tensor<2x3xf32>) outs(%{{.*}} : tensor<2x3xf32>) {rows = 2 : i64} {site = 3 : i32} -> tensor<2x3xf32>
// CHECK: winnow.kernel "fill" outs(%{{.*}} : memref<4xf32>) {}
func.func @kernels(%x: tensor<2x3xf32>, %o: tensor<2x3xf32>, %m: memref<4xf32>) {
  %0 = winnow.kernel "softmax" ins(%x : tensor<2x3xf32>) outs(%o : tensor<2x3xf32>) {rows = 2 : i64} {site = 3 : i32} -> tensor<2x3xf32>
  winnow.kernel "fill" outs(%m : memref<4xf32>) {}
  return
}

// CHECK-LABEL: func @random
// CHECK: winnow.random bits {seed = 0 : i32, stream = -1 : i32} : () -> tensor<4xui32>
// CHECK: winnow.random uniform {seed = 7 : i32, stream = 1 : i32} : () -> tensor<2x3xf32>
// CHECK: winnow.random normal iteration(%{{.*}}) {seed = 0 : i32, stream = 2 : i32} : (tensor<i64>) -> tensor<2x3xf64>
func.func @random(%t: tensor<i64>) {
  %0 = winnow.random bits {seed = 0 : i32, stream = -1 : i32} : () -> tensor<4xui32>
  %1 = winnow.random uniform {seed = 7 : i32, stream = 1 : i32} : () -> tensor<2x3xf32>
  %2 = winnow.random normal iteration(%t) {seed = 0 : i32, stream = 2 : i32} : (tensor<i64>) -> tensor<2x3xf64>
  return
}

{-#
  dialect_resources: {
    builtin: {
      blob: "0x040000000000803F00000040"
    }
  }
#-}

// Types that nothing computes with are constants, cast, moved and picked.

// CHECK-LABEL: func @storage
// CHECK: winnow.constant dense<[-8, 7]> : tensor<2xi4>
// CHECK: winnow.constant dense<[0, 3]> : tensor<2xui2>
// CHECK: winnow.constant dense<[0xFF, 5.877470e-39]> : tensor<2xf8E8M0FNU>
// CHECK: winnow.cast %{{.*}} : (tensor<2xi4>) -> tensor<2xf4E2M1FN>
// CHECK: winnow.bitcast %{{.*}} : (tensor<2xf4E2M1FN>) -> tensor<2xui4>
// CHECK: winnow.select %{{.*}} : (tensor<2xi1>, tensor<2xf8E5M2>, tensor<2xf8E5M2>) -> tensor<2xf8E5M2>
// CHECK: winnow.scatter_nd %{{.*}} : (tensor<2xf8E5M2>, tensor<1x1xi64>, tensor<1xf8E5M2>) -> tensor<2xf8E5M2>
func.func @storage(%c: tensor<2xi1>, %x: tensor<2xf8E5M2>, %i: tensor<1x1xi64>, %u: tensor<1xf8E5M2>) {
  %0 = winnow.constant dense<[-8, 7]> : tensor<2xi4>
  %1 = winnow.constant dense<[0, 3]> : tensor<2xui2>
  %2 = winnow.constant dense<[0xFF, 0x00]> : tensor<2xf8E8M0FNU>
  %3 = winnow.cast %0 : (tensor<2xi4>) -> tensor<2xf4E2M1FN>
  %4 = winnow.bitcast %3 : (tensor<2xf4E2M1FN>) -> tensor<2xui4>
  %5 = winnow.select %c, %x, %x : (tensor<2xi1>, tensor<2xf8E5M2>, tensor<2xf8E5M2>) -> tensor<2xf8E5M2>
  %6 = winnow.scatter_nd %5, %i, %u : (tensor<2xf8E5M2>, tensor<1x1xi64>, tensor<1xf8E5M2>) -> tensor<2xf8E5M2>
  return
}

// CHECK-LABEL: func @rational_functions
// CHECK: winnow.group_rational %{{.*}} {rational = #winnow.rational<abs_sum, dense<{{.*}}> : tensor<1x2xf32>, dense<{{.*}}> : tensor<1x1xf32>>} : (tensor<f32>) -> tensor<f32>
// CHECK: winnow.group_rational %{{.*}} {rational = #winnow.rational<sum_abs_absx, dense<{{.*}}> : tensor<2x2xf64>, dense<{{.*}}> : tensor<1x2xf64>>} : (tensor<3x4xf16>) -> tensor<3x4xf16>
// CHECK: winnow.linear %{{.*}}, %{{.*}} {activation = #winnow<activation group_rational>, rational = #winnow.rational<sum_abs_signed, {{.*}}>} : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
// CHECK: winnow.layer_norm %{{.*}} {epsilon = 9.99999974E-6 : f32, rational = #winnow.rational<polynomial, {{.*}}>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
// CHECK: winnow.rms_norm %{{.*}} {epsilon = 9.99999974E-6 : f32, rational = #winnow.rational<polynomial, {{.*}}>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
func.func @rational_functions(%s: tensor<f32>, %h: tensor<3x4xf16>, %x: tensor<3x4xf32>, %w: tensor<4x4xf32>) {
  %0 = winnow.group_rational %s {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<0.5> : tensor<1x1xf32>>} : (tensor<f32>) -> tensor<f32>
  %1 = winnow.group_rational %h {rational = #winnow.rational<sum_abs_absx, dense<[[0.0, 1.0], [2.0, 3.0]]> : tensor<2x2xf64>, dense<0.5> : tensor<1x2xf64>>} : (tensor<3x4xf16>) -> tensor<3x4xf16>
  %2 = winnow.linear %x, %w {activation = #winnow<activation group_rational>, rational = #winnow.rational<sum_abs_signed, dense<[[0.0, 1.0, 2.0]]> : tensor<1x3xf32>, dense<[[0.5], [1.5]]> : tensor<2x1xf32>>} : (tensor<3x4xf32>, tensor<4x4xf32>) -> tensor<3x4xf32>
  %3 = winnow.layer_norm %x {epsilon = 1.0e-5 : f32, rational = #winnow.rational<polynomial, dense<[[0.0, 1.0, 2.0]]> : tensor<1x3xf32>, dense<[[0.5], [1.5]]> : tensor<2x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %4 = winnow.rms_norm %x {epsilon = 1.0e-5 : f32, rational = #winnow.rational<polynomial, dense<[[0.0, 1.0, 2.0]]> : tensor<1x3xf32>, dense<[[0.5], [1.5]]> : tensor<2x1xf32>>} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// CHECK-LABEL: func @bases
// CHECK: winnow.gaussian_basis %{{.*}} {centers = dense<{{.*}}> : tensor<1x2xf32>, coefficients = dense<{{.*}}> : tensor<3x2xf32>, factor = 5.000000e-01 : f32} : (tensor<5x3xf32>) -> tensor<5x3xf32>
// CHECK: winnow.bspline %{{.*}} {degree = 1 : i64, knots = dense<{{.*}}> : tensor<1x4xf32>} : (tensor<5x3xf32>) -> tensor<5x2x3xf32>
// CHECK: winnow.bspline %{{.*}} {degree = 1 : i64, knots = dense<{{.*}}> : tensor<3x3xf32>, zero_nan} : (tensor<5x3xf32>) -> tensor<5x1x3xf32>
// CHECK: winnow.gaussian_basis %{{.*}} {centers = dense<{{.*}}> : tensor<1x2xf32>, factor = 5.000000e-01 : f32} : (tensor<5x3xf32>) -> tensor<5x2x3xf32>
// CHECK: winnow.bspline %{{.*}} {coefficients = dense<{{.*}}> : tensor<1x2xf32>, degree = 1 : i64, knots = dense<{{.*}}> : tensor<1x4xf32>} : (tensor<5x3xf32>) -> tensor<5x3xf32>
func.func @bases(%x: tensor<5x3xf32>) {
  %3 = winnow.gaussian_basis %x {centers = dense<[[0.0, 1.0]]> : tensor<1x2xf32>, coefficients = dense<1.0> : tensor<3x2xf32>, factor = 0.5 : f32} : (tensor<5x3xf32>) -> tensor<5x3xf32>
  %0 = winnow.bspline %x {degree = 1 : i64, knots = dense<[[0.0, 1.0, 2.0, 3.0]]> : tensor<1x4xf32>} : (tensor<5x3xf32>) -> tensor<5x2x3xf32>
  %1 = winnow.bspline %x {degree = 1 : i64, knots = dense<[[0.0, 1.0, 2.0], [0.0, 1.0, 3.0], [0.0, 2.0, 3.0]]> : tensor<3x3xf32>, zero_nan} : (tensor<5x3xf32>) -> tensor<5x1x3xf32>
  %2 = winnow.gaussian_basis %x {centers = dense<[[0.0, 1.0]]> : tensor<1x2xf32>, factor = 0.5 : f32} : (tensor<5x3xf32>) -> tensor<5x2x3xf32>
  %4 = winnow.bspline %x {coefficients = dense<1.0> : tensor<1x2xf32>, degree = 1 : i64, knots = dense<[[0.0, 1.0, 2.0, 3.0]]> : tensor<1x4xf32>} : (tensor<5x3xf32>) -> tensor<5x3xf32>
  return
}

// CHECK-LABEL: func @probsparse_attention
// CHECK: winnow.probsparse_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} {kept = 25 : i64, scale = 1.250000e-01 : f32} : (tensor<?x96x8x64xf32, #{{.*}}>
// CHECK: winnow.probsparse_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {causal, cumsum, divisor = 5.000000e+00 : f32, kept = 3 : i64, scale = 1.250000e-01 : f32, scale_first}
func.func @probsparse_attention(%q: tensor<?x96x8x64xf32, affine_map<()[s0] -> (s0, 96, 8, 64)>>, %t: tensor<96x25xi64>,
    %k: tensor<2x7x4x8xf32>, %v: tensor<2x7x4x5xf32>, %shared: tensor<9xi32>, %m: tensor<2x1x7x7xi1>) -> tensor<2x7x4x5xf32> {
  %0 = winnow.probsparse_attention %q, %q, %q, %t {kept = 25 : i64, scale = 0.125 : f32} : (tensor<?x96x8x64xf32, affine_map<()[s0] -> (s0, 96, 8, 64)>>, tensor<?x96x8x64xf32, affine_map<()[s0] -> (s0, 96, 8, 64)>>, tensor<?x96x8x64xf32, affine_map<()[s0] -> (s0, 96, 8, 64)>>, tensor<96x25xi64>) -> tensor<?x96x8x64xf32, affine_map<()[s0] -> (s0, 96, 8, 64)>>
  %1 = winnow.probsparse_attention %k, %k, %v, %shared mask(%m) {causal, cumsum, divisor = 5.0 : f32, kept = 3 : i64, scale = 0.125 : f32, scale_first} : (tensor<2x7x4x8xf32>, tensor<2x7x4x8xf32>, tensor<2x7x4x5xf32>, tensor<9xi32>, tensor<2x1x7x7xi1>) -> tensor<2x7x4x5xf32>
  return %1 : tensor<2x7x4x5xf32>
}

// CHECK-LABEL: func @sparse
// CHECK: winnow.topk_activation %{{.*}} {k = 2 : i64, keep_ties} : (tensor<2x3xf32>) -> tensor<2x3xf32>
// CHECK: winnow.sparse_linear %{{.*}}, %{{.*}} bias(%{{.*}}) residual(%{{.*}}) {activation = #winnow<activation relu>, transpose_weight} : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
// CHECK: winnow.sparse_linear %{{.*}}, %{{.*}} gate(%{{.*}}) : (tensor<2x3xf32>, tensor<3x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
func.func @sparse(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>, %t: tensor<5x3xf32>, %b: tensor<5xf32>, %r: tensor<2x5xf32>) {
  %0 = winnow.topk_activation %x {k = 2 : i64, keep_ties} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = winnow.sparse_linear %0, %t bias(%b) residual(%r) {activation = #winnow<activation relu>, transpose_weight} : (tensor<2x3xf32>, tensor<5x3xf32>, tensor<5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  %2 = winnow.sparse_linear %x, %w gate(%r) : (tensor<2x3xf32>, tensor<3x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  return
}

// CHECK-LABEL: func @quantized
// CHECK: winnow.quantize_rows %{{.*}} factors(%{{.*}}) : (tensor<2x3xf32>, tensor<3xf32>)
// CHECK: %{{.*}}, %[[S:.*]], %[[Z:.*]] = winnow.quantize_rows %{{.*}} : (tensor<2x3xf32>) -> (tensor<2x3xui8>, tensor<2x1xf32>, tensor<2x1xui8>)
// CHECK: winnow.quantized_linear %{{.*}}, %{{.*}} scale(%{{.*}}) zero(%[[Z]]) row_scale(%[[S]]) weight_zero(%{{.*}}) bias(%{{.*}}) residual(%{{.*}}) {activation = #winnow<activation relu>, transpose_weight} : (tensor<2x3xui8>, tensor<5x3xi8>, tensor<5xf32>, tensor<2x1xui8>, tensor<2x1xf32>, tensor<5xi8>, tensor<5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
// CHECK: winnow.quantized_linear %{{.*}}, %{{.*}} scale(%{{.*}}) weight_zero(%{{.*}}) {block_size = 16 : i64, round_input} : (tensor<2x40xf32>, tensor<40x5xui4>, tensor<3x5xf32>, tensor<3x5xui4>) -> tensor<2x5xf32>
// CHECK: winnow.quantized_linear %{{.*}}, %{{.*}} scale(%{{.*}}) : (tensor<?x3xi8, #{{.*}}>, tensor<3x5xui8>, tensor<f32>) -> tensor<?x5xf32, #{{.*}}>
func.func @quantized(%x: tensor<2x3xf32>, %three: tensor<3xf32>, %w: tensor<5x3xi8>, %z: tensor<5xi8>, %s: tensor<5xf32>, %r: tensor<2x5xf32>,
    %q: tensor<?x3xi8, affine_map<()[s0] -> (s0, 3)>>, %u: tensor<3x5xui8>, %one: tensor<f32>,
    %f: tensor<2x40xf32>, %n: tensor<40x5xui4>, %bs: tensor<3x5xf32>, %bz: tensor<3x5xui4>) {
  %scaled:3 = winnow.quantize_rows %x factors(%three) : (tensor<2x3xf32>, tensor<3xf32>) -> (tensor<2x3xui8>, tensor<2x1xf32>, tensor<2x1xui8>)
  %0:3 = winnow.quantize_rows %x : (tensor<2x3xf32>) -> (tensor<2x3xui8>, tensor<2x1xf32>, tensor<2x1xui8>)
  %1 = winnow.quantized_linear %0#0, %w scale(%s) zero(%0#2) row_scale(%0#1) weight_zero(%z) bias(%s) residual(%r) {activation = #winnow<activation relu>, transpose_weight} : (tensor<2x3xui8>, tensor<5x3xi8>, tensor<5xf32>, tensor<2x1xui8>, tensor<2x1xf32>, tensor<5xi8>, tensor<5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  %b = winnow.quantized_linear %f, %n scale(%bs) weight_zero(%bz) {block_size = 16 : i64, round_input} : (tensor<2x40xf32>, tensor<40x5xui4>, tensor<3x5xf32>, tensor<3x5xui4>) -> tensor<2x5xf32>
  %2 = winnow.quantized_linear %q, %u scale(%one) : (tensor<?x3xi8, affine_map<()[s0] -> (s0, 3)>>, tensor<3x5xui8>, tensor<f32>) -> tensor<?x5xf32, affine_map<()[s0] -> (s0, 5)>>
  return
}

// CHECK-LABEL: func @products_of_integers
// CHECK: winnow.quantized_matmul %{{.*}}, %{{.*}} scale(%{{.*}}) : (tensor<2x3xui8>, tensor<3x5xi8>, tensor<f32>) -> tensor<2x5xf32>
// CHECK: winnow.quantized_matmul %{{.*}}, %{{.*}} scale(%{{.*}}) zero(%{{.*}}) rhs_zero(%{{.*}}) {transpose_rhs} : (tensor<?x2x3xui8, #{{.*}}>, tensor<1x5x3xui8>, tensor<f32>, tensor<ui8>, tensor<ui8>) -> tensor<?x2x5xf32, #{{.*}}>
func.func @products_of_integers(%a: tensor<2x3xui8>, %b: tensor<3x5xi8>, %s: tensor<f32>, %z: tensor<ui8>,
    %c: tensor<?x2x3xui8, affine_map<()[s0] -> (s0, 2, 3)>>, %d: tensor<1x5x3xui8>) {
  %0 = winnow.quantized_matmul %a, %b scale(%s) : (tensor<2x3xui8>, tensor<3x5xi8>, tensor<f32>) -> tensor<2x5xf32>
  %1 = winnow.quantized_matmul %c, %d scale(%s) zero(%z) rhs_zero(%z) {transpose_rhs} : (tensor<?x2x3xui8, affine_map<()[s0] -> (s0, 2, 3)>>, tensor<1x5x3xui8>, tensor<f32>, tensor<ui8>, tensor<ui8>) -> tensor<?x2x5xf32, affine_map<()[s0] -> (s0, 2, 5)>>
  return
}
