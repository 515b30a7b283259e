// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogCourt} from "../../../../contracts/FogCourt.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract CourtConstructorTest is BaseTest {
    function test_ItIsAsDeployed() public view {
        vm.assertEq(court.market(), address(market));
        vm.assertEq(court.stake(), address(stake));
        vm.assertEq(court.timelock(), timelock);
        vm.assertEq(keccak256(abi.encode(court.parameters())), keccak256(abi.encode(courtParameters())));
        vm.assertEq(court.seatCount(), 0);
        vm.assertEq(court.pool(), 0);
    }

    function test_NobodyIsRefused() public {
        address[4] memory who = [address(market), address(stake), timelock, address(token)];
        for (uint256 i; i < 4; ++i) {
            address[4] memory w = [who[0], who[1], who[2], who[3]];
            w[i] = address(0);
            vm.expectRevert(ErrorsLib.ZeroAddress.selector);
            new FogCourt(w[0], w[1], w[2], w[3], courtParameters());
        }
    }
}
