// RUN: winnow-opt %s --split-input-file --winnow-raise-causal-mask | FileCheck %s

!q = tensor<?x?x4x16xf32, affine_map<()[s0, s1] -> (s0, s1, 4, 16)>>
!i = tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>
!row = tensor<1x1x?x1xi64, affine_map<()[s0, s1] -> (1, 1, s1, 1)>>
!column = tensor<1x1x1x?xi64, affine_map<()[s0, s1] -> (1, 1, 1, s1)>>
!visible = tensor<1x1x?x?xi1, affine_map<()[s0, s1] -> (1, 1, s1, s1)>>
!mask = tensor<1x1x?x?xf32, affine_map<()[s0, s1] -> (1, 1, s1, s1)>>

// Positions are compared, and the lowest float is filled in: each query sees
// itself, so that the fill never shows.
// CHECK: code = "causal-mask.raised"
// CHECK-SAME: sentence = "raised the mask to causal"
// CHECK-LABEL: func @positions
// CHECK-NEXT: winnow.attention %arg0, %arg0, %arg0 {causal, scale = 2.500000e-01 : f32}
// CHECK-NEXT: return
func.func @positions(%q: !q) -> !q attributes {winnow.symbols = [{name = "b", min = 0, max = 8}, {name = "s", min = 0, max = 64}]} {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %p = winnow.iota {start = 0 : i64, step = 1 : i64} : !i
  %r = winnow.reshape %p : (!i) -> !row
  %c = winnow.reshape %p : (!i) -> !column
  %v = winnow.compare le %c, %r : (!column, !row) -> !visible
  %m = winnow.select %v, %zero, %low : (!visible, tensor<f32>, tensor<f32>) -> !mask
  %0 = winnow.attention %q, %q, %q mask(%m) {scale = 0.25 : f32} : (!q, !q, !q, !mask) -> !q
  return %0 : !q
}

// -----

!q = tensor<?x?x4x16xf32, affine_map<()[s0, s1, s2] -> (s0, s1, 4, 16)>>
!k = tensor<?x?x4x16xf32, affine_map<()[s0, s1, s2] -> (s0, s1 + s2, 4, 16)>>
!i = tensor<?xi64, affine_map<()[s0, s1, s2] -> (s1)>>
!j = tensor<?xi64, affine_map<()[s0, s1, s2] -> (s1 + s2)>>
!row = tensor<1x1x?x1xi64, affine_map<()[s0, s1, s2] -> (1, 1, s1, 1)>>
!column = tensor<1x1x1x?xi64, affine_map<()[s0, s1, s2] -> (1, 1, 1, s1 + s2)>>
!causal = tensor<1x1x?x?xi1, affine_map<()[s0, s1, s2] -> (1, 1, s1, s1 + s2)>>
!padding = tensor<?x1x1x?xi1, affine_map<()[s0, s1, s2] -> (s0, 1, 1, s1 + s2)>>
!visible = tensor<?x1x?x?xi1, affine_map<()[s0, s1, s2] -> (s0, 1, s1, s1 + s2)>>
!mask = tensor<?x1x?x?xf32, affine_map<()[s0, s1, s2] -> (s0, 1, s1, s1 + s2)>>

// Positions after a cache, and padding, which is a row for each sequence.
// CHECK: sentence = "raised a part of the mask to causal"
// CHECK-LABEL: func @cache_and_padding
// CHECK-DAG: %[[LOW:.*]] = winnow.constant dense<-3.40282347E+38>
// CHECK-DAG: %[[ZERO:.*]] = winnow.constant dense<0.000000e+00>
// CHECK: %[[M:.*]] = winnow.select %arg2, %[[ZERO]], %[[LOW]] : (tensor<?x1x1x?xi1
// CHECK-NEXT: winnow.attention %arg0, %arg1, %arg1 mask(%[[M]]) {causal, causal_at_end, causal_lowest, scale = 2.500000e-01 : f32}
func.func @cache_and_padding(%q: !q, %k: !k, %pad: !padding) -> !q attributes {winnow.symbols = [{name = "b", min = 0, max = 8}, {name = "s", min = 0, max = 64}, {name = "past", min = 0, max = 64}]} {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %past = winnow.dim_values affine_map<()[s0, s1, s2] -> (s2)> : tensor<i64>
  %i = winnow.iota {start = 0 : i64, step = 1 : i64} : !i
  %i2 = winnow.add %i, %past : (!i, tensor<i64>) -> !i
  %j = winnow.iota {start = 0 : i64, step = 1 : i64} : !j
  %r = winnow.reshape %i2 : (!i) -> !row
  %c = winnow.reshape %j : (!j) -> !column
  %v = winnow.compare gt %c, %r : (!column, !row) -> !causal
  %n = winnow.not %v : (!causal) -> !causal
  %a = winnow.and %pad, %n : (!padding, !causal) -> !visible
  %m = winnow.select %a, %zero, %low : (!visible, tensor<f32>, tensor<f32>) -> !mask
  %0 = winnow.attention %q, %k, %k mask(%m) {scale = 0.25 : f32} : (!q, !k, !k, !mask) -> !q
  return %0 : !q
}

// -----

!q = tensor<?x?x4x16xf32, affine_map<()[s0, s1] -> (s0, s1, 4, 16)>>
!i = tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>
!row = tensor<1x1x?x1xi64, affine_map<()[s0, s1] -> (1, 1, s1, 1)>>
!column = tensor<1x1x1x?xi64, affine_map<()[s0, s1] -> (1, 1, 1, s1)>>
!visible = tensor<1x1x?x?xi1, affine_map<()[s0, s1] -> (1, 1, s1, s1)>>
!joint = tensor<?x1x?x?xi1, affine_map<()[s0, s1] -> (s0, 1, s1, s1)>>
!padding = tensor<?x1x1x?xi1, affine_map<()[s0, s1] -> (s0, 1, 1, s1)>>

// A boolean mask, whose rows without any key are zeros either way.
// CHECK-LABEL: func @boolean
// CHECK-NEXT: winnow.attention %arg0, %arg0, %arg0 mask(%arg1) {causal, nan_to_zero, scale
func.func @boolean(%q: !q, %pad: !padding) -> !q attributes {winnow.symbols = [{name = "b", min = 0, max = 8}, {name = "s", min = 0, max = 64}]} {
  %p = winnow.iota {start = 0 : i64, step = 1 : i64} : !i
  %r = winnow.reshape %p : (!i) -> !row
  %c = winnow.reshape %p : (!i) -> !column
  %v = winnow.compare ge %r, %c : (!row, !column) -> !visible
  %a = winnow.and %v, %pad : (!visible, !padding) -> !joint
  %0 = winnow.attention %q, %q, %q mask(%a) {nan_to_zero, scale = 0.25 : f32} : (!q, !q, !q, !joint) -> !q
  return %0 : !q
}

// -----

!q = tensor<?x?x4x16xf32, affine_map<()[s0, s1] -> (s0, s1, 4, 16)>>
!i = tensor<?xi64, affine_map<()[s0, s1] -> (s1)>>
!row = tensor<1x1x?x1xi64, affine_map<()[s0, s1] -> (1, 1, s1, 1)>>
!column = tensor<1x1x1x?xi64, affine_map<()[s0, s1] -> (1, 1, 1, s1)>>
!visible = tensor<1x1x?x?xi1, affine_map<()[s0, s1] -> (1, 1, s1, s1)>>
!joint = tensor<1x1x?x?xi1, affine_map<()[s0, s1] -> (1, 1, s1, s1)>>

// A sliding window keeps its other bound as a mask.
// CHECK-LABEL: func @window
// CHECK: %[[W:.*]] = winnow.compare  gt
// CHECK-NEXT: winnow.attention %arg0, %arg0, %arg0 mask(%[[W]]) {causal, scale
func.func @window(%q: !q) -> !q attributes {winnow.symbols = [{name = "b", min = 0, max = 8}, {name = "s", min = 0, max = 64}]} {
  %w = winnow.constant dense<-8> : tensor<i64>
  %p = winnow.iota {start = 0 : i64, step = 1 : i64} : !i
  %r = winnow.reshape %p : (!i) -> !row
  %c = winnow.reshape %p : (!i) -> !column
  %v = winnow.compare le %c, %r : (!column, !row) -> !visible
  %s = winnow.add %r, %w : (!row, tensor<i64>) -> !row
  %u = winnow.compare gt %c, %s : (!column, !row) -> !visible
  %a = winnow.and %v, %u : (!visible, !visible) -> !joint
  %0 = winnow.attention %q, %q, %q mask(%a) {scale = 0.25 : f32} : (!q, !q, !q, !joint) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// A constant triangle of minus infinity, and one with a bias of its own.
// CHECK-LABEL: func @constants
// CHECK: winnow.attention %arg0, %arg0, %arg0 {causal, scale
// CHECK: winnow.attention %arg0, %arg0, %arg0 mask(%{{.*}}) {scale
func.func @constants(%q: !q) -> (!q, !q) {
  %m = winnow.constant dense<[[[[0.0, 0xFF800000, 0xFF800000], [0.0, 0.0, 0xFF800000], [0.0, 0.0, 0.0]]]]> : tensor<1x1x3x3xf32>
  %b = winnow.constant dense<[[[[0.0, 0xFF800000, 0xFF800000], [-1.0, 0.0, 0xFF800000], [-2.0, -1.0, 0.0]]]]> : tensor<1x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%m) {scale = 0.25 : f32} : (!q, !q, !q, tensor<1x1x3x3xf32>) -> !q
  %1 = winnow.attention %q, %q, %q mask(%b) {scale = 0.25 : f32} : (!q, !q, !q, tensor<1x1x3x3xf32>) -> !q
  return %0, %1 : !q, !q
}

// -----

!q = tensor<2x2x4x16xf32>
!k = tensor<2x3x4x16xf32>

// The last rows of a stored triangle, as GPT-2 reads its buffer with a cache.
// CHECK-LABEL: func @slice_of_triangle
// CHECK: winnow.attention %arg0, %arg1, %arg1 {causal, causal_at_end, scale
func.func @slice_of_triangle(%q: !q, %k: !k) -> !q {
  %t = winnow.constant dense<[[[[true, false, false, false], [true, true, false, false], [true, true, true, false], [true, true, true, true]]]]> : tensor<1x1x4x4xi1>
  %m = winnow.slice %t at affine_map<() -> (0, 0, 1, 0)> step [1, 1, 1, 1] : (tensor<1x1x4x4xi1>) -> tensor<1x1x2x3xi1>
  %0 = winnow.attention %q, %k, %k mask(%m) {scale = 0.25 : f32} : (!q, !k, !k, tensor<1x1x2x3xi1>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// T5's bias from a table is added to a finite mask: it is far from the fill.
// CHECK-LABEL: func @bias
// CHECK: %[[B:.*]] = winnow.gather
// CHECK: %[[M:.*]] = winnow.reshape %[[B]]
// CHECK-NEXT: winnow.attention %arg0, %arg0, %arg0 mask(%[[M]]) {causal, scale
func.func @bias(%q: !q, %i: tensor<3x3xi64>) -> !q {
  %t = winnow.constant dense<[0.5, -2.0]> : tensor<2xf32>
  %m = winnow.constant dense<[[[[0.0, -1.0e9, -1.0e9], [0.0, 0.0, -1.0e9], [0.0, 0.0, 0.0]]]]> : tensor<1x1x3x3xf32>
  %b = winnow.gather %t, %i {axis = 0 : i64} : (tensor<2xf32>, tensor<3x3xi64>) -> tensor<3x3xf32>
  %b4 = winnow.reshape %b : (tensor<3x3xf32>) -> tensor<1x1x3x3xf32>
  %s = winnow.add %b4, %m : (tensor<1x1x3x3xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%s) {scale = 0.25 : f32} : (!q, !q, !q, tensor<1x1x3x3xf32>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// What is added is not known to be far from it.
// CHECK: applied = false, code = "causal-mask.added"
// CHECK-LABEL: func @unknown_bias
// CHECK-NOT: causal,
func.func @unknown_bias(%q: !q, %b: tensor<1x1x3x3xf32>) -> !q {
  %m = winnow.constant dense<[[[[0.0, -1.0e9, -1.0e9], [0.0, 0.0, -1.0e9], [0.0, 0.0, 0.0]]]]> : tensor<1x1x3x3xf32>
  %s = winnow.add %b, %m : (tensor<1x1x3x3xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%s) {scale = 0.25 : f32} : (!q, !q, !q, tensor<1x1x3x3xf32>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// Padding may hide whole rows, which -10000 does not make uniform.
// CHECK: applied = false, code = "causal-mask.fill"
// CHECK-LABEL: func @small_fill
// CHECK-NOT: causal,
func.func @small_fill(%q: !q, %pad: tensor<2x1x1x3xi1>) -> !q {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-1.0e4> : tensor<f32>
  %t = winnow.constant dense<[[[[true, false, false], [true, true, false], [true, true, true]]]]> : tensor<1x1x3x3xi1>
  %a = winnow.and %t, %pad : (tensor<1x1x3x3xi1>, tensor<2x1x1x3xi1>) -> tensor<2x1x3x3xi1>
  %m = winnow.select %a, %zero, %low : (tensor<2x1x3x3xi1>, tensor<f32>, tensor<f32>) -> tensor<2x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%m) {scale = 0.25 : f32} : (!q, !q, !q, tensor<2x1x3x3xf32>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x1x4x16xf32>
!k = tensor<2x3x4x16xf32>

// One query that sees all keys: its causal mask says nothing.
// CHECK-LABEL: func @last_query
// CHECK: winnow.attention %arg0, %arg1, %arg1 mask(%{{.*}}) {scale
func.func @last_query(%q: !q, %k: !k, %pad: tensor<2x1x1x3xi1>) -> !q {
  %two = winnow.constant dense<2> : tensor<i64>
  %p = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<3xi64>
  %c = winnow.reshape %p : (tensor<3xi64>) -> tensor<1x1x1x3xi64>
  %v = winnow.compare le %c, %two : (tensor<1x1x1x3xi64>, tensor<i64>) -> tensor<1x1x1x3xi1>
  %a = winnow.and %v, %pad : (tensor<1x1x1x3xi1>, tensor<2x1x1x3xi1>) -> tensor<2x1x1x3xi1>
  %0 = winnow.attention %q, %k, %k mask(%a) {scale = 0.25 : f32} : (!q, !k, !k, tensor<2x1x1x3xi1>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// GPT-Neo hides later keys twice, by its buffer and by its mask: as sums of two
// of the lowest floats they are minus infinity, in rows of padding too.
// CHECK-LABEL: func @twice
// CHECK: %[[M:.*]] = winnow.select %arg1, %{{.*}}, %{{.*}} : (tensor<2x1x1x3xi1>
// CHECK: winnow.attention %arg0, %arg0, %arg0 mask(%[[M]]) {causal, scale
func.func @twice(%q: !q, %pad: tensor<2x1x1x3xi1>) -> !q {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %t = winnow.constant dense<[[[[true, false, false], [true, true, false], [true, true, true]]]]> : tensor<1x1x3x3xi1>
  %b = winnow.select %t, %zero, %low : (tensor<1x1x3x3xi1>, tensor<f32>, tensor<f32>) -> tensor<1x1x3x3xf32>
  %a = winnow.and %t, %pad : (tensor<1x1x3x3xi1>, tensor<2x1x1x3xi1>) -> tensor<2x1x3x3xi1>
  %m = winnow.select %a, %zero, %low : (tensor<2x1x3x3xi1>, tensor<f32>, tensor<f32>) -> tensor<2x1x3x3xf32>
  %s = winnow.add %b, %m : (tensor<1x1x3x3xf32>, tensor<2x1x3x3xf32>) -> tensor<2x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%s) {scale = 0.25 : f32} : (!q, !q, !q, tensor<2x1x3x3xf32>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// ALiBi, slopes times counted positions, is a bias, which padding replaces.
// CHECK-LABEL: func @alibi
// CHECK: %[[A:.*]] = winnow.mul
// CHECK: %[[P:.*]] = winnow.select %arg2
// CHECK: %[[M:.*]] = winnow.add %[[A]], %[[P]] : (tensor<1x4x1x3xf32>, tensor<2x1x1x3xf32>) -> tensor<2x4x1x3xf32>
// CHECK: winnow.attention %arg0, %arg0, %arg0 mask(%[[M]]) {causal, causal_lowest, scale
func.func @alibi(%q: !q, %n: tensor<1x1x1x3xi64>, %pad: tensor<2x1x1x3xi1>) -> !q {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %slopes = winnow.constant dense<[[[[0.5]], [[0.25]], [[0.125]], [[0.0625]]]]> : tensor<1x4x1x1xf32>
  %t = winnow.constant dense<[[[[true, false, false], [true, true, false], [true, true, true]]]]> : tensor<1x1x3x3xi1>
  %p = winnow.cast %n : (tensor<1x1x1x3xi64>) -> tensor<1x1x1x3xf32>
  %alibi = winnow.mul %slopes, %p : (tensor<1x4x1x1xf32>, tensor<1x1x1x3xf32>) -> tensor<1x4x1x3xf32>
  %a = winnow.and %t, %pad : (tensor<1x1x3x3xi1>, tensor<2x1x1x3xi1>) -> tensor<2x1x3x3xi1>
  %m = winnow.select %a, %zero, %low : (tensor<2x1x3x3xi1>, tensor<f32>, tensor<f32>) -> tensor<2x1x3x3xf32>
  %s = winnow.add %alibi, %m : (tensor<1x4x1x3xf32>, tensor<2x1x3x3xf32>) -> tensor<2x4x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%s) {scale = 0.25 : f32} : (!q, !q, !q, tensor<2x4x3x3xf32>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// Where causality and padding are added, keys that both hide are lower than
// others in rows of padding.
// CHECK-LABEL: func @added_padding
// CHECK: %[[M:.*]] = winnow.select %arg1, {{.*}} : (tensor<2x1x1x3xi1>, tensor<f32>, tensor<f32>) -> tensor<2x1x1x3xf32>
// CHECK-NEXT: winnow.attention %arg0, %arg0, %arg0 mask(%[[M]]) {causal, causal_adds_lowest, scale
func.func @added_padding(%q: !q, %pad: tensor<2x1x1x3xi1>) -> !q {
  %zero = winnow.constant dense<0.0> : tensor<f32>
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %t = winnow.constant dense<[[[[true, false, false], [true, true, false], [true, true, true]]]]> : tensor<1x1x3x3xi1>
  %b = winnow.select %t, %zero, %low : (tensor<1x1x3x3xi1>, tensor<f32>, tensor<f32>) -> tensor<1x1x3x3xf32>
  %m = winnow.select %pad, %zero, %low : (tensor<2x1x1x3xi1>, tensor<f32>, tensor<f32>) -> tensor<2x1x1x3xf32>
  %s = winnow.add %b, %m : (tensor<1x1x3x3xf32>, tensor<2x1x1x3xf32>) -> tensor<2x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%s) {scale = 0.25 : f32} : (!q, !q, !q, tensor<2x1x3x3xf32>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// Whatever is added to the lowest float, that is what hidden keys score.
// CHECK-LABEL: func @added_unknown
// CHECK: winnow.attention %arg0, %arg0, %arg0 mask(%arg1) {causal, causal_adds_lowest, scale
func.func @added_unknown(%q: !q, %m: tensor<2x1x1x3xf32>) -> !q {
  %t = winnow.constant dense<[[[[0.0, -3.40282347E+38, -3.40282347E+38], [0.0, 0.0, -3.40282347E+38], [0.0, 0.0, 0.0]]]]> : tensor<1x1x3x3xf32>
  %s = winnow.add %m, %t : (tensor<2x1x1x3xf32>, tensor<1x1x3x3xf32>) -> tensor<2x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%s) {scale = 0.25 : f32} : (!q, !q, !q, tensor<2x1x3x3xf32>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// Another low number does not absorb what is added to it.
// CHECK: applied = false, code = "causal-mask.added"
// CHECK-LABEL: func @added_to_low
// CHECK-NOT: causal,
func.func @added_to_low(%q: !q, %m: tensor<2x1x1x3xf32>) -> !q {
  %t = winnow.constant dense<[[[[0.0, -1.0E+5, -1.0E+5], [0.0, 0.0, -1.0E+5], [0.0, 0.0, 0.0]]]]> : tensor<1x1x3x3xf32>
  %s = winnow.add %m, %t : (tensor<2x1x1x3xf32>, tensor<1x1x3x3xf32>) -> tensor<2x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%s) {scale = 0.25 : f32} : (!q, !q, !q, tensor<2x1x3x3xf32>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// Causality replaces what is added inside.
// CHECK: applied = false, code = "causal-mask.added"
// CHECK-LABEL: func @added_inside
// CHECK-NOT: causal,
func.func @added_inside(%q: !q, %m: tensor<2x1x1x3xf32>) -> !q {
  %low = winnow.constant dense<-3.40282347E+38> : tensor<f32>
  %t = winnow.constant dense<[[[[true, false, false], [true, true, false], [true, true, true]]]]> : tensor<1x1x3x3xi1>
  %s = winnow.select %t, %m, %low : (tensor<1x1x3x3xi1>, tensor<2x1x1x3xf32>, tensor<f32>) -> tensor<2x1x3x3xf32>
  %0 = winnow.attention %q, %q, %q mask(%s) {scale = 0.25 : f32} : (!q, !q, !q, tensor<2x1x3x3xf32>) -> !q
  return %0 : !q
}

// -----

!q = tensor<2x3x4x16xf32>

// A triangle for each sequence.
// CHECK-LABEL: func @repeated
// CHECK: winnow.attention %arg0, %arg0, %arg0 {causal, scale
func.func @repeated(%q: !q) -> !q {
  %t = winnow.constant dense<[[[[true, false, false], [true, true, false], [true, true, true]]], [[[true, false, false], [true, true, false], [true, true, true]]]]> : tensor<2x1x3x3xi1>
  %0 = winnow.attention %q, %q, %q mask(%t) {scale = 0.25 : f32} : (!q, !q, !q, tensor<2x1x3x3xi1>) -> !q
  return %0 : !q
}
