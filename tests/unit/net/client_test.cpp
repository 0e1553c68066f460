// The request-answer protocol, and groups of ops on it, against a scripted kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if.h>

#include "kernel/rtnl_group.hpp"
#include "nl/client.hpp"
#include "tests/support/ops.hpp"
#include "tests/support/scripted_transport.hpp"

namespace fairlead {
namespace {

using nl::Batch;
using nl::Link;
using test::ack;
using test::Datagram;
using test::Datagrams;
using test::name_of;
using test::reply_message;
using test::Script;
using test::ScriptedTransport;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Batch requests(std::size_t count, std::uint16_t flags = NLM_F_ACK) {
  Batch batch;
  for (std::size_t i = 0; i < count; ++i)
    EXPECT_TRUE(batch.add<Link>(RTM_NEWLINK, flags, ifinfomsg{}, [i](nl::Encoder<Link> link) {
      link.put(Link::mtu, static_cast<unsigned>(i));
    }));
  return batch;
}

class ClientTest : public ::testing::Test {
 protected:
  std::vector<nl::Reply> transact(Batch batch) { return client_.transact(batch); }
  Script script_;
  nl::Client client_{std::make_unique<ScriptedTransport>(script_)};
};

TEST_F(ClientTest, SendsABatchAtOnceAndAnswersByIndex) {
  script_.answer = [](const nl::Message& request) {
    return Datagrams{ack(request, request.header.nlmsg_seq == 2 ? EEXIST : 0)};
  };
  const auto replies = transact(requests(3));
  EXPECT_THAT(script_.sends, ElementsAre(3U));
  EXPECT_EQ(replies[0].status, nl::ReplyStatus::kDone);
  EXPECT_EQ(replies[1].status, nl::ReplyStatus::kRefused);
  EXPECT_EQ(replies[1].error->code, Errc::kExists);
  EXPECT_EQ(replies[1].error->what, "EEXIST: File exists");
  EXPECT_EQ(replies[2].status, nl::ReplyStatus::kDone);
}

TEST_F(ClientTest, ReportsTheKernelsTextAndAttribute) {
  script_.answer = [](const nl::Message& request) {
    Datagram attrs;
    nl::MessageBytes bytes(attrs);
    const std::uint32_t offset = sizeof(nlmsghdr) + sizeof(ifinfomsg);
    bytes.attr(NLMSGERR_ATTR_MSG, "", std::as_bytes(std::span("MTU too small")));
    bytes.attr(NLMSGERR_ATTR_OFFS, "", std::as_bytes(std::span(&offset, 1)));
    return Datagrams{ack(request, EINVAL, attrs)};
  };
  const auto replies = transact(requests(1));
  EXPECT_EQ(replies[0].error->what, "EINVAL: MTU too small (IFLA_MTU)");
  EXPECT_EQ(replies[0].error->kernel->attribute, "IFLA_MTU");
}

TEST_F(ClientTest, SplitsABatchThatIsTooLongForTheSocket) {
  script_.answer = [](const nl::Message& request) { return Datagrams{ack(request)}; };
  script_.limit = 2 * requests(1).bytes(0).size();
  for (const nl::Reply& reply : transact(requests(7))) EXPECT_EQ(reply.status, nl::ReplyStatus::kDone);
  for (const std::size_t send : script_.sends) EXPECT_LE(send, 2U);
}

TEST_F(ClientTest, DoesNotSendMoreThanTheReceiveBufferCanAnswer) {
  script_.answer = [](const nl::Message& request) { return Datagrams{ack(request)}; };
  EXPECT_EQ(transact(requests(100)).back().status, nl::ReplyStatus::kDone);
  for (const std::size_t send : script_.sends) EXPECT_LE(send, 32U);
}

TEST_F(ClientTest, SendsNothingAfterASendOfWhichARequestWasRefused) {
  for (const std::size_t limit : {SIZE_MAX, 4 * requests(1).bytes(0).size()}) {  // by 32, and by 4 or less
    script_.sends.clear();
    script_.limit = limit;
    std::uint32_t answered = 0;
    script_.answer = [&answered](const nl::Message& request) {
      return Datagrams{ack(request, ++answered == 3 ? EINVAL : 0)};
    };
    const auto replies = transact(requests(40));
    EXPECT_EQ(script_.sends.size(), 1U);
    EXPECT_EQ(replies[2].status, nl::ReplyStatus::kRefused);
    EXPECT_EQ(replies.back().status, nl::ReplyStatus::kNotSent);
    EXPECT_FALSE(replies.back().error.has_value());
  }
}

TEST_F(ClientTest, NothingIsDoneWhenTheSendFails) {
  script_.send_errno = ENOMEM;
  const auto replies = transact(requests(2));
  for (const nl::Reply& reply : replies) {
    EXPECT_EQ(reply.status, nl::ReplyStatus::kRefused);
    EXPECT_EQ(reply.error->code, Errc::kExhausted);
  }
}

TEST_F(ClientTest, WhatHasNoAnswerIsUnknown) {
  script_.answer = [](const nl::Message& request) {
    return request.header.nlmsg_seq == 1 ? Datagrams{ack(request)} : Datagrams{};
  };
  script_.receive_errno = ENOBUFS;
  const auto replies = transact(requests(2));
  EXPECT_EQ(replies[0].status, nl::ReplyStatus::kDone);
  EXPECT_EQ(replies[1].status, nl::ReplyStatus::kUnknown);
  EXPECT_EQ(replies[1].error->code, Errc::kOverrun);
}

TEST_F(ClientTest, SkipsLateAnswersToAnEarlierBatch) {
  std::optional<Datagram> late;
  script_.answer = [&](const nl::Message& request) {
    if (!late) {
      late = ack(request, EPERM);
      return Datagrams{};
    }
    return Datagrams{*late, ack(request)};
  };
  script_.receive_errno = ENOBUFS;
  EXPECT_EQ(transact(requests(1))[0].status, nl::ReplyStatus::kUnknown);
  EXPECT_EQ(transact(requests(1))[0].status, nl::ReplyStatus::kDone);
}

TEST_F(ClientTest, AMalformedAnswerIsUnknown) {
  script_.answer = [](const nl::Message& request) {
    Datagram answer = ack(request);
    answer.resize(answer.size() - 8);
    return Datagrams{answer};
  };
  const auto replies = transact(requests(1));
  EXPECT_EQ(replies[0].status, nl::ReplyStatus::kUnknown);
  EXPECT_THAT(replies[0].error->what, HasSubstr("malformed"));
}

TEST_F(ClientTest, AnErrorNumberThatIsNoneIsMalformed) {
  for (const std::int32_t number : {INT32_MIN, 1, INT32_MAX}) {
    std::string trace;
    script_.answer = [number](const nl::Message& request) {
      const nlmsgerr body{.error = number, .msg = request.header};
      return Datagrams{reply_message(request, NLMSG_ERROR, NLM_F_CAPPED, std::as_bytes(std::span(&body, 1)))};
    };
    nl::Client traced{std::make_unique<ScriptedTransport>(script_),
                      [&trace](const std::string& line) { trace = line; }};
    Batch batch = requests(1);
    const auto replies = traced.transact(batch);
    EXPECT_EQ(replies[0].status, nl::ReplyStatus::kUnknown);
    EXPECT_THAT(replies[0].error->what, HasSubstr("malformed netlink message: its error number is none"));
    EXPECT_THAT(trace, HasSubstr("error number " + std::to_string(number)));
  }
}

Datagram done(const nl::Message& request, std::uint16_t flags = 0) {
  return reply_message(request, NLMSG_DONE, flags | NLM_F_MULTI, Datagram(4));
}

TEST_F(ClientTest, RepeatsADumpThatAChangeInterrupted) {
  int dumps = 0;
  script_.answer = [&](const nl::Message& request) {
    const auto flags = static_cast<std::uint16_t>(NLM_F_MULTI | (++dumps < 3 ? NLM_F_DUMP_INTR : 0));
    return Datagrams{reply_message(request, RTM_NEWLINK, flags, Datagram(16)), done(request)};
  };
  Batch dump = requests(1, NLM_F_DUMP);
  const auto bytes = client_.dump(dump);
  ASSERT_TRUE(bytes) << bytes.error().to_string();
  EXPECT_EQ(dumps, 3);
  EXPECT_EQ(bytes->size(), 32U);
}

TEST_F(ClientTest, GivesUpOnADumpThatNeverSettles) {
  script_.answer = [](const nl::Message& request) { return Datagrams{done(request, NLM_F_DUMP_INTR)}; };
  Batch dump = requests(1, NLM_F_DUMP);
  const auto bytes = client_.dump(dump);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Errc::kInterrupted);
}

TEST_F(ClientTest, ReportsTheRefusalAtTheEndOfADump) {
  script_.answer = [](const nl::Message& request) {
    Datagram payload;
    nl::MessageBytes bytes(payload);
    bytes.append_struct(std::int32_t{-EINVAL});
    bytes.attr(NLMSGERR_ATTR_MSG, "", std::as_bytes(std::span("Invalid values in header")));
    return Datagrams{reply_message(request, NLMSG_DONE, NLM_F_MULTI | NLM_F_ACK_TLVS, payload)};
  };
  Batch dump = requests(1, NLM_F_DUMP);
  const auto bytes = client_.dump(dump);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().what, "EINVAL: Invalid values in header");
}

// Groups of ops ------------------------------------------------------------------------------------------

/// A kernel that makes every link that is asked for, and knows no others.
class GroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    script_.answer = [this](const nl::Message& request) { return answer(request); };
  }

  Datagrams answer(const nl::Message& request) {
    const bool creates = (request.header.nlmsg_flags & NLM_F_CREATE) != 0;
    if (refuse_seq_ == request.header.nlmsg_seq) return {ack(request, refuse_errno_)};
    if (request.header.nlmsg_type == RTM_GETLINK) {
      if (!exists_) return {ack(request, ENODEV)};
      return {link_message(request)};
    }
    if (request.header.nlmsg_type != RTM_NEWLINK || !creates) return {ack(request)};
    exists_ = true;
    if (!echoes_) return {ack(request)};
    return {link_message(request), ack(request)};
  }

  static Datagram link_message(const nl::Message& request) {
    Batch message;
    ifinfomsg header{};
    header.ifi_index = 7;
    EXPECT_TRUE(message.add<Link>(RTM_NEWLINK, 0, header, [](nl::Encoder<Link> link) {
      link.put(Link::name, "veth0").put(Link::link, 9U);
    }));
    return reply_message(request, RTM_NEWLINK, 0, message.bytes(0).subspan(sizeof(nlmsghdr)));
  }

  std::vector<OpOutcome> run(const std::vector<Op>& ops) {
    kernel::GroupContext context{.own = &host_,
                                 .other = &container_,
                                 .other_netns_fd = [] { return Result<int>(5); },
                                 .delete_link = {},
                                 .echoes = expects_echo_};
    return kernel::RtnlGroup(std::move(context), ops).run();
  }

  static LinkSpec veth() {
    LinkSpec spec = test::veth_spec("veth0", "eth0");
    spec.alias = "fairlead net/id/eth0";
    return spec;
  }
  static Op address() {
    return test::on_host(AddAddress{name_of("veth0"), {.address = test::iface("10.1.0.1/24")}});
  }

  bool exists_ = false;
  bool echoes_ = true;
  bool expects_echo_ = true;
  std::uint32_t refuse_seq_ = 0;
  int refuse_errno_ = 0;
  Script script_;
  kernel::RtnlNamespace host_{
      Side::kHost, nullptr, Logger(), [this] {
        return Result<std::unique_ptr<nl::Transport>>(std::make_unique<ScriptedTransport>(script_));
      }};
  kernel::RtnlNamespace container_{Side::kContainer, nullptr, Logger()};
};

TEST_F(GroupTest, LearnsTheIndicesOfALinkAndItsPeerFromTheEcho) {
  const auto outcomes = run({test::on_host(CreateLink{test::veth_spec("veth0", "eth0")})});
  EXPECT_EQ(outcomes[0].status, OpStatus::kDone);
  EXPECT_EQ(host_.names().index_of("veth0"), LinkIndex{7});
  EXPECT_EQ(container_.names().index_of("eth0"), LinkIndex{9});
}

TEST_F(GroupTest, NamesANewLinkByNameInTheSameSendOnceTheNameWasSeenFree) {
  ASSERT_TRUE(host_.find_link(kernel::LinkTarget(name_of("veth0"))));
  const auto outcomes = run({test::on_host(CreateLink{veth()})});
  EXPECT_EQ(outcomes[0].status, OpStatus::kDone);
  EXPECT_THAT(script_.sends, ElementsAre(1U, 2U));  // the look-up, then both messages at once
}

TEST_F(GroupTest, WaitsForTheIndexWhereTheNameMayBeSomebodyElses) {
  const auto outcomes = run({test::on_host(CreateLink{veth()})});
  EXPECT_EQ(outcomes[0].status, OpStatus::kDone);
  EXPECT_THAT(script_.sends, ElementsAre(1U, 1U));
}

TEST_F(GroupTest, AsksForTheIndicesInTheSameSendWhereTheKernelDoesNotEcho) {
  echoes_ = expects_echo_ = false;
  const auto outcomes = run({test::on_host(CreateLink{test::veth_spec("veth0", "eth0")}), address()});
  EXPECT_EQ(outcomes[1].status, OpStatus::kDone);
  EXPECT_EQ(container_.names().index_of("eth0"), LinkIndex{9});
  EXPECT_THAT(script_.sends, ElementsAre(2U, 1U));  // create and look-up, address
}

TEST_F(GroupTest, LearnsNothingFromTheLookUpBehindARefusedCreation) {
  echoes_ = expects_echo_ = false;
  exists_ = true;  // somebody else's
  refuse_seq_ = 1;
  refuse_errno_ = EEXIST;
  const auto outcomes = run({test::on_host(CreateLink{test::veth_spec("veth0", "eth0")})});
  EXPECT_EQ(outcomes[0].status, OpStatus::kNotDone);
  EXPECT_EQ(container_.names().index_of("eth0"), std::nullopt);
}

TEST_F(GroupTest, ALinkThatIsGoneAtTheLookUpIsUnknown) {
  echoes_ = expects_echo_ = false;
  refuse_seq_ = 2;
  refuse_errno_ = ENODEV;
  const auto outcomes = run({test::on_host(CreateLink{test::veth_spec("veth0", "eth0")}), address()});
  EXPECT_EQ(outcomes[0].status, OpStatus::kUnknown);
  EXPECT_THAT(outcomes[0].error->what, HasSubstr("ENODEV"));
  EXPECT_EQ(outcomes[1].status, OpStatus::kNotDone);
}

TEST_F(GroupTest, AsksForTheIndexWhenTheEchoDidNotCome) {
  echoes_ = false;
  const auto outcomes = run({test::on_host(CreateLink{test::veth_spec("veth0", "eth0")}), address()});
  EXPECT_EQ(outcomes[1].status, OpStatus::kDone);
  EXPECT_THAT(script_.sends, ElementsAre(1U, 1U, 1U));  // create, look-up, address
}

TEST_F(GroupTest, SendsNothingAfterAFailure) {
  refuse_seq_ = 1;
  refuse_errno_ = EPERM;
  const auto outcomes = run({test::on_host(CreateLink{veth()}), address()});
  EXPECT_EQ(outcomes[0].status, OpStatus::kNotDone);
  EXPECT_THAT(outcomes[0].error->what, HasSubstr("EPERM: Operation not permitted"));
  EXPECT_EQ(outcomes[1].status, OpStatus::kNotDone);
  EXPECT_FALSE(outcomes[1].error.has_value());
  EXPECT_THAT(script_.sends, ElementsAre(1U));
}

TEST_F(GroupTest, ALinkOfWhichOnlyTheSecondMessageIsRefusedIsUnknown) {
  refuse_seq_ = 2;
  refuse_errno_ = EINVAL;
  const auto outcomes = run({test::on_host(CreateLink{veth()})});
  EXPECT_EQ(outcomes[0].status, OpStatus::kUnknown);  // the undo has to delete it
  EXPECT_THAT(outcomes[0].error->what, HasSubstr("EINVAL"));
}

TEST_F(GroupTest, ALinkWhoseCreationIsRefusedIsNotDoneThoughTheSecondMessageMetAnothersLink) {
  ASSERT_TRUE(host_.find_link(kernel::LinkTarget(name_of("veth0"))));
  exists_ = true;  // somebody makes it between our look and our send
  refuse_seq_ = 2;
  refuse_errno_ = EEXIST;
  const auto outcomes = run({test::on_host(CreateLink{veth()})});
  EXPECT_EQ(script_.sends[1], 2U);
  EXPECT_EQ(outcomes[0].status, OpStatus::kNotDone);  // the undo must not delete what is not ours
  EXPECT_THAT(outcomes[0].error->what, HasSubstr("EEXIST: veth0 exists already on the host"));
}

TEST_F(GroupTest, ASharedLinkIsFinishedByIndexThoughItsNameWasSeenFree) {
  ASSERT_TRUE(host_.find_link(kernel::LinkTarget(name_of("veth0"))));
  Op bridge = test::on_host(CreateLink{test::bridge_spec("veth0")});
  std::get<CreateLink>(bridge.action).spec.alias = "fairlead bridge";
  bridge.shared = true;
  EXPECT_EQ(run({bridge})[0].status, OpStatus::kDone);
  EXPECT_THAT(script_.sends, ElementsAre(1U, 1U, 1U));

  refuse_seq_ = 4;
  refuse_errno_ = EEXIST;
  host_.names().remember_absent("veth0");
  EXPECT_EQ(run({bridge})[0].status, OpStatus::kNotDone);
  EXPECT_THAT(script_.sends, ElementsAre(1U, 1U, 1U, 1U));  // nothing behind the creation
}

TEST_F(GroupTest, ALinkWhoseAcknowledgementIsLostIsUnknown) {
  script_.answer = [](const nl::Message&) { return Datagrams{}; };
  script_.receive_errno = ENOBUFS;
  const auto outcomes = run({test::on_host(CreateLink{test::veth_spec("veth0", "eth0")})});
  EXPECT_EQ(outcomes[0].status, OpStatus::kUnknown);
}

TEST_F(GroupTest, DeletesNoLinkThatOnlyAnAlternativeNameFinds) {
  exists_ = true;  // "veth0", whatever name is asked for
  const auto outcomes = run({test::on_host(DeleteLink{name_of("altname0")})});
  EXPECT_EQ(outcomes[0].status, OpStatus::kNotDone);
  EXPECT_EQ(outcomes[0].error.value().code, Errc::kNotFound);
}

TEST_F(GroupTest, ErrorsOfQueriesNameTheNamespace) {
  script_.answer = [](const nl::Message& request) { return Datagrams{ack(request, EPERM)}; };
  EXPECT_THAT(host_.find_link(kernel::LinkTarget(name_of("eth0"))).error().what,
              HasSubstr("find link eth0 on the host: EPERM"));
  EXPECT_THAT(host_.links().error().what, HasSubstr("list links on the host"));
  EXPECT_THAT(host_.addresses(LinkIndex{7}).error().what, HasSubstr("with index 7 on the host"));
  EXPECT_THAT(host_.routes({}).error().what, HasSubstr("list routes on the host"));
}

TEST_F(GroupTest, SaysWhatAFullBridgeMeans) {
  host_.names().remember("br0", LinkIndex{3});
  refuse_seq_ = 1;
  refuse_errno_ = EXFULL;
  LinkSpec spec = test::veth_spec("veth0", "eth0");
  spec.master = name_of("br0");
  const auto outcomes = run({test::on_host(CreateLink{spec})});
  EXPECT_EQ(outcomes[0].error->code, Errc::kExhausted);
  EXPECT_THAT(outcomes[0].error->what, HasSubstr("bridge br0 is full: a Linux bridge takes 1,023 ports"));
}

TEST_F(GroupTest, AValueThatDoesNotFitFailsItsOpAndSendsWhatCameBefore) {
  LinkSpec spec = veth();
  spec.alias = std::string(70'000, 'x');
  const auto outcomes =
      run({test::on_host(CreateLink{test::bridge_spec("br0")}), test::on_host(CreateLink{spec}), address()});
  EXPECT_EQ(outcomes[0].status, OpStatus::kDone);
  EXPECT_EQ(outcomes[1].status, OpStatus::kUnknown);
  EXPECT_THAT(outcomes[1].error->what, HasSubstr("IFLA_IFALIAS"));
  EXPECT_EQ(outcomes[2].status, OpStatus::kNotDone);
}

}  // namespace
}  // namespace fairlead
