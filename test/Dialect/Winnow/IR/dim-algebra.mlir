// RUN: winnow-opt %s -split-input-file -verify-diagnostics | FileCheck %s

// Products of sums are multiplied out before they are compared.
// CHECK-LABEL: @distributes
func.func @distributes(%x: tensor<?x?x4xf32, affine_map<()[s0, s1] -> (s0, s1 + 2, 4)>>)
    -> tensor<?xf32, affine_map<()[s0, s1] -> (s0 * s1 * 4 + s0 * 8)>> {
  // CHECK: winnow.reshape
  %0 = winnow.reshape %x : (tensor<?x?x4xf32, affine_map<()[s0, s1] -> (s0, s1 + 2, 4)>>)
      -> tensor<?xf32, affine_map<()[s0, s1] -> (s0 * s1 * 4 + s0 * 8)>>
  return %0 : tensor<?xf32, affine_map<()[s0, s1] -> (s0 * s1 * 4 + s0 * 8)>>
}

// -----

// Divisions of divisions are one.
// CHECK-LABEL: @nested_divisions
func.func @nested_divisions(%x: tensor<?x?xf32, affine_map<()[s0] -> ((s0 floordiv 5) floordiv 2, ((s0 + 1) floordiv 2 - 1) floordiv 3)>>,
    %y: tensor<?x?xf32, affine_map<()[s0] -> (s0 floordiv 10, (s0 + 5) floordiv 6 - 1)>>)
    -> tensor<?x?xf32, affine_map<()[s0] -> (s0 floordiv 10, (s0 + 5) floordiv 6 - 1)>> {
  // CHECK: winnow.add
  %0 = winnow.add %y, %x : (tensor<?x?xf32, affine_map<()[s0] -> (s0 floordiv 10, (s0 + 5) floordiv 6 - 1)>>,
      tensor<?x?xf32, affine_map<()[s0] -> ((s0 floordiv 5) floordiv 2, ((s0 + 1) floordiv 2 - 1) floordiv 3)>>)
      -> tensor<?x?xf32, affine_map<()[s0] -> (s0 floordiv 10, (s0 + 5) floordiv 6 - 1)>>
  return %0 : tensor<?x?xf32, affine_map<()[s0] -> (s0 floordiv 10, (s0 + 5) floordiv 6 - 1)>>
}

// -----

// But not of a multiple of one.
func.func @divisions_of_multiples(%x: tensor<?xf32, affine_map<()[s0] -> ((s0 floordiv 2 * 3) floordiv 2)>>,
    %y: tensor<?xf32, affine_map<()[s0] -> ((s0 * 3) floordiv 4)>>) {
  // expected-error @+2 {{expected operand shapes to broadcast}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.add %x, %y : (tensor<?xf32, affine_map<()[s0] -> ((s0 floordiv 2 * 3) floordiv 2)>>,
      tensor<?xf32, affine_map<()[s0] -> ((s0 * 3) floordiv 4)>>)
      -> tensor<?xf32, affine_map<()[s0] -> ((s0 * 3) floordiv 4)>>
  return
}

// -----

// The order of factors does not matter.
// CHECK-LABEL: @commutes
func.func @commutes(%x: tensor<?x?xf32, affine_map<()[s0, s1] -> (s1, s0 * 3)>>)
    -> tensor<?x3xf32, affine_map<()[s0, s1] -> (s0 * s1, 3)>> {
  // CHECK: winnow.reshape
  %0 = winnow.reshape %x : (tensor<?x?xf32, affine_map<()[s0, s1] -> (s1, s0 * 3)>>)
      -> tensor<?x3xf32, affine_map<()[s0, s1] -> (s0 * s1, 3)>>
  return %0 : tensor<?x3xf32, affine_map<()[s0, s1] -> (s0 * s1, 3)>>
}

// -----

func.func @differs(%x: tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1 + 2)>>) {
  // expected-error @below {{expected as many elements before as after}}
  %0 = winnow.reshape %x : (tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1 + 2)>>)
      -> tensor<?xf32, affine_map<()[s0, s1] -> (s0 * s1 + s0)>>
  return
}

// -----

// What may be equal is checked in the run, before.
// CHECK-LABEL: @may_be_equal
func.func @may_be_equal(%x: tensor<?x?xf32, affine_map<()[s0, s1, s2] -> (s0, s1)>>)
    -> tensor<?x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4)>> {
  // CHECK: winnow.reshape
  %0 = winnow.reshape %x : (tensor<?x?xf32, affine_map<()[s0, s1, s2] -> (s0, s1)>>)
      -> tensor<?x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4)>>
  return %0 : tensor<?x4xf32, affine_map<()[s0, s1, s2] -> (s2, 4)>>
}

// -----

func.func @differs_by_a_factor(%x: tensor<?x6xf32, affine_map<()[s0] -> (s0, 6)>>) {
  // expected-error @below {{expected as many elements before as after}}
  %0 = winnow.reshape %x : (tensor<?x6xf32, affine_map<()[s0] -> (s0, 6)>>)
      -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
  return
}
