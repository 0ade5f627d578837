/**
 * Logging in over the binary protocol: which requests may come before, and what a finished exchange is answered. One
 * for each connection of a daemon with SASL (`-S`).
 */
import { Opcode, Status } from '../../protocol/binary/opcodes.ts';
import type { PacketHead } from '../../protocol/binary/packet.ts';
import type { PasswordFile } from '../auth/passwords.ts';
import { MECHANISMS, SaslExchange } from '../auth/sasl.ts';
import type { BinaryAnswers } from './answers.ts';
import type { Conversation, ConnectionContext } from '../connection.ts';
import type { Counters } from '../counters.ts';

export class BinaryLogin {
  readonly #conversation: Conversation;
  readonly #exchange: SaslExchange;
  readonly #answers: BinaryAnswers;
  readonly #counters: Counters;
  #permitted = false;

  constructor(conversation: Conversation, context: ConnectionContext, passwords: PasswordFile, answers: BinaryAnswers) {
    this.#conversation = conversation;
    this.#exchange = new SaslExchange(passwords, context.time);
    this.#answers = answers;
    this.#counters = context.counters;
  }

  get isDone(): boolean {
    return this.#permitted;
  }

  /** Whether an opcode may be carried out now (proto_bin.c, authenticated). */
  permits(opcode: number): boolean {
    if (this.#permitted || opcode === Opcode.VERSION) return true;
    return opcode >= Opcode.SASL_LIST_MECHS && opcode <= Opcode.SASL_STEP;
  }

  /** Answers with the mechanisms. Whoever asks has logged out by it (proto_bin.c, init_sasl_conn). */
  listMechanisms(request: PacketHead): void {
    this.#permitted = false;
    this.#answers.text(request, MECHANISMS);
  }

  /** Goes on with the exchange by a start or a step whose message has come, and answers. */
  proceed(request: PacketHead, mechanism: string, message: string): void {
    const login =
      request.opcode === Opcode.SASL_AUTH ? this.#exchange.start(mechanism, message) : this.#exchange.step(message);
    this.#permitted = login === 'permitted';
    if (login === 'continue') return this.#answers.error(request, Status.AUTH_CONTINUE);
    this.#counters.authCommands++;
    if (this.#permitted) return this.#answers.text(request, 'Authenticated');
    this.#counters.authErrors++;
    this.#conversation.refuse('login', () => this.#answers.error(request, Status.AUTH_ERROR));
  }
}
