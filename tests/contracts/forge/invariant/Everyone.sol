// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Replay} from "./Replay.sol";
import {Sessions} from "./Sessions.sol";
import {Trials} from "./Trials.sol";
import {Contracts, World} from "./World.sol";

/// @notice Buyers, providers, auditors, voters and strangers, who do what they may in any order, and try what they may
/// not. By the books that they keep, the contracts are measured.
contract Everyone is Sessions, Trials {
    constructor(Contracts memory c, Replay replay_) World(c, replay_) {}

    /// @notice All actions, by name.
    function actions() external pure returns (string[] memory names, bytes4[] memory selectors) {
        (names, selectors) = (new string[](47), new bytes4[](47));
        uint256 n;
        (names[n], selectors[n++]) = ("deposit", this.deposit.selector);
        (names[n], selectors[n++]) = ("depositWithPermit", this.depositWithPermit.selector);
        (names[n], selectors[n++]) = ("depositWithAuthorization", this.depositWithAuthorization.selector);
        (names[n], selectors[n++]) = ("withdraw", this.withdraw.selector);
        (names[n], selectors[n++]) = ("collectFees", this.collectFees.selector);
        (names[n], selectors[n++]) = ("donate", this.donate.selector);
        (names[n], selectors[n++]) = ("overdraw", this.overdraw.selector);
        (names[n], selectors[n++]) = ("openSession", this.openSession.selector);
        (names[n], selectors[n++]) = ("topUp", this.topUp.selector);
        (names[n], selectors[n++]) = ("claim", this.claim.selector);
        (names[n], selectors[n++]) = ("claimMany", this.claimMany.selector);
        (names[n], selectors[n++]) = ("claimAndClose", this.claimAndClose.selector);
        (names[n], selectors[n++]) = ("closeSession", this.closeSession.selector);
        (names[n], selectors[n++]) = ("claimWrongly", this.claimWrongly.selector);
        (names[n], selectors[n++]) = ("settleBatch", this.settleBatch.selector);
        (names[n], selectors[n++]) = ("open", this.open.selector);
        (names[n], selectors[n++]) = ("deliver", this.deliver.selector);
        (names[n], selectors[n++]) = ("settleSigned", this.settleSigned.selector);
        (names[n], selectors[n++]) = ("settleQuorum", this.settleQuorum.selector);
        (names[n], selectors[n++]) = ("finalize", this.finalize.selector);
        (names[n], selectors[n++]) = ("cancel", this.cancel.selector);
        (names[n], selectors[n++]) = ("expire", this.expire.selector);
        (names[n], selectors[n++]) = ("disturb", this.disturb.selector);
        (names[n], selectors[n++]) = ("bond", this.bond.selector);
        (names[n], selectors[n++]) = ("unbond", this.unbond.selector);
        (names[n], selectors[n++]) = ("cancelUnbond", this.cancelUnbond.selector);
        (names[n], selectors[n++]) = ("withdrawStake", this.withdrawStake.selector);
        (names[n], selectors[n++]) = ("delegate", this.delegate.selector);
        (names[n], selectors[n++]) = ("fund", this.fund.selector);
        (names[n], selectors[n++]) = ("claimRewards", this.claimRewards.selector);
        (names[n], selectors[n++]) = ("enlist", this.enlist.selector);
        (names[n], selectors[n++]) = ("evict", this.evict.selector);
        (names[n], selectors[n++]) = ("collect", this.collect.selector);
        (names[n], selectors[n++]) = ("challenge", this.challenge.selector);
        (names[n], selectors[n++]) = ("audit", this.audit.selector);
        (names[n], selectors[n++]) = ("proceed", this.proceed.selector);
        (names[n], selectors[n++]) = ("commitOne", this.commitOne.selector);
        (names[n], selectors[n++]) = ("pervert", this.pervert.selector);
        (names[n], selectors[n++]) = ("outlast", this.outlast.selector);
        (names[n], selectors[n++]) = ("setParameters", this.setParameters.selector);
        (names[n], selectors[n++]) = ("setCourtParameters", this.setCourtParameters.selector);
        (names[n], selectors[n++]) = ("stop", this.stop.selector);
        (names[n], selectors[n++]) = ("resume", this.resume.selector);
        (names[n], selectors[n++]) = ("setPricing", this.setPricing.selector);
        (names[n], selectors[n++]) = ("usurp", this.usurp.selector);
        (names[n], selectors[n++]) = ("wait", this.wait.selector);
        (names[n], selectors[n++]) = ("waitLong", this.waitLong.selector);
    }
}
