import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;
import org.javarosa.core.model.CoreModelModule;
import org.javarosa.core.model.FormDef;
import org.javarosa.core.model.ValidateOutcome;
import org.javarosa.core.model.condition.EvaluationContext;
import org.javarosa.core.model.instance.InstanceInitializationFactory;
import org.javarosa.core.model.instance.TreeElement;
import org.javarosa.core.model.instance.TreeReference;
import org.javarosa.core.services.PrototypeManager;
import org.javarosa.core.util.JavaRosaCoreModule;
import org.javarosa.form.api.FormEntryController;
import org.javarosa.model.xform.XFormSerializingVisitor;
import org.javarosa.model.xform.XFormsModule;
import org.javarosa.xform.parse.XFormParser;
import org.javarosa.xform.util.XFormUtils;
import org.javarosa.xpath.XPathNodeset;
import org.javarosa.xpath.XPathParseTool;
import org.javarosa.xpath.expr.XPathFuncExpr;

/** Answers, line by line, what JavaRosa makes of forms, submissions and expressions; fields are separated by tabs. */
public class Oracle {
    private static byte[] form;
    private static FormDef loaded;
    private static PrintStream out;

    public static void main(String[] arguments) throws Exception {
        out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        System.setOut(new PrintStream(new ByteArrayOutputStream()));
        System.setErr(new PrintStream(new ByteArrayOutputStream()));
        new JavaRosaCoreModule().registerModule();
        PrototypeManager.registerPrototypes(JavaRosaCoreModule.classNames);
        PrototypeManager.registerPrototypes(CoreModelModule.classNames);
        new XFormsModule().registerModule();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t", -1);
            String answer;
            try {
                answer = answer(fields);
            } catch (Throwable problem) {
                String message = String.valueOf(problem.getMessage()).replaceAll("\\s+", " ");
                answer = "ERROR\t" + problem.getClass().getSimpleName() + "\t" + message;
            }
            out.println(answer);
        }
        out.flush();
    }

    private static String answer(String[] fields) throws Exception {
        switch (fields[0]) {
            case "FORM":
                form = Files.readAllBytes(Paths.get(fields[1]));
                return "OK";
            case "SUBMISSION":
                submission(Files.readAllBytes(Paths.get(fields[1])));
                return "OK";
            case "EVAL":
                return value(reference(fields[1]), fields[2]);
            case "SENT":
                byte[] sent = new XFormSerializingVisitor().serializeInstance(loaded.getMainInstance());
                return new String(sent, StandardCharsets.UTF_8).replaceAll("[\r\n\t]+", " ");
            case "VALIDATE":
                return verdict(loaded.validate(true));
            case "TIME":
                return time(Integer.parseInt(fields[1]), Arrays.copyOfRange(fields, 2, fields.length));
            default:
                throw new IllegalArgumentException(fields[0]);
        }
    }

    private static void submission(byte[] xml) throws Exception {
        loaded = XFormUtils.getFormFromInputStream(new ByteArrayInputStream(form));
        TreeElement saved = XFormParser.restoreDataModel(xml, null).getRoot();
        TreeElement whole = loaded.getMainInstance().getRoot().deepCopy(true);
        whole.populate(saved, loaded);
        loaded.getMainInstance().setRoot(whole);
        loaded.initialize(false, new InstanceInitializationFactory());
    }

    private static String verdict(ValidateOutcome outcome) {
        if (outcome == null) {
            return "VALID";
        }
        boolean blank = outcome.outcome == FormEntryController.ANSWER_REQUIRED_BUT_EMPTY;
        return outcome.failedPrompt.getReference().toString(true) + "\t" + (blank ? "required" : "constraint");
    }

    private static String value(TreeReference at, String expression) throws Exception {
        EvaluationContext context = new EvaluationContext(loaded.getEvaluationContext(), at);
        Object found = XPathParseTool.parseXPath(expression).eval(loaded.getMainInstance(), context);
        int nodes = found instanceof XPathNodeset ? ((XPathNodeset) found).size() : -1;
        found = XPathFuncExpr.unpack(found);
        String text = XPathFuncExpr.toString(found).replace("\n", "\\n").replace("\t", "\\t");
        return found.getClass().getSimpleName() + "\t" + text + "\t" + XPathFuncExpr.toBoolean(found)
                + "\t" + XPathFuncExpr.toNumeric(found) + "\t" + nodes;
    }

    /** Nanoseconds to read and validate submissions in turn, ``rounds`` times; the form is parsed once, uncounted. */
    private static String time(int rounds, String[] paths) throws Exception {
        byte[][] submissions = new byte[paths.length][];
        for (int i = 0; i < paths.length; i++) {
            submissions[i] = Files.readAllBytes(Paths.get(paths[i]));
        }
        loaded = XFormUtils.getFormFromInputStream(new ByteArrayInputStream(form));
        TreeElement blank = loaded.getMainInstance().getRoot().deepCopy(true);
        int broken = 0;
        long start = System.nanoTime();
        for (int round = 0; round < rounds; round++) {
            for (byte[] xml : submissions) {
                TreeElement whole = blank.deepCopy(true);
                whole.populate(XFormParser.restoreDataModel(xml, null).getRoot(), loaded);
                loaded.getMainInstance().setRoot(whole);
                loaded.initialize(false, new InstanceInitializationFactory());
                broken += loaded.validate(true) == null ? 0 : 1;
            }
        }
        return (System.nanoTime() - start) + "\t" + broken;
    }

    private static TreeReference reference(String path) {
        TreeReference found = TreeReference.rootRef();
        for (String part : path.substring(1).split("/")) {
            int bracket = part.indexOf('[');
            int place = bracket < 0 ? 0 : Integer.parseInt(part.substring(bracket + 1, part.length() - 1)) - 1;
            found.add(bracket < 0 ? part : part.substring(0, bracket), place);
        }
        return found;
    }
}
